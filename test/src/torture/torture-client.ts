import type { ServerFrame } from '@hubbub/protocol/frames.js';
import { parseServerFrame } from '../support/frame-check.js';
import { ClientSocket, type OwnEvent } from './client-socket.js';
import { contentOf, digestOf } from './content.js';
import type { ClientPlan } from './crew-order.js';
import type { EventLog } from './event-log.js';
import { clockMs } from './events.js';
import { Outbox, type OutMessage } from './outbox.js';
import type { Random } from './random.js';
import { Stay } from './stay.js';

/** What all clients of a process share. */
export interface World {
  readonly log: EventLog;
  readonly urls: readonly string[];
  readonly channelIds: readonly string[];
  readonly loudChannel: number | null;
  readonly quietFrom: number;
  readonly seed: number;
}

/** A many-channel connection may join one channel by its URL. */
const JOIN_BY_URL_CHANCE = 0.3;
const JOIN_RETRY_MS = 500;
const BANNED_CODE = 4003;

/**
 * One user with one connection, who never gives up: he comes back to a random instance, resumes where he stands, and
 * sends what was not answered again, with the same id. What he does on top of that is decided by a {@link Habits}.
 */
export class TortureClient {
  readonly plan: ClientPlan;
  readonly stays: ReadonlyMap<number, Stay>;
  readonly outbox: Outbox;
  readonly world: World;
  sent = 0;
  acked = 0;
  got = 0;
  /** Id of a message that someone else has sent; null: none was seen. */
  foreignId: string | null = null;
  /** Connections that are still to be dropped as soon as they have resumed. */
  bounces = 0;
  /** Chance that a join starts anew: without a position, or at place 0. */
  forgetful = 0;
  /** The server has taken him out of a channel, or the right to write in it from him. */
  onKept: (stay: Stay) => void = () => {};
  readonly #random: Random;
  readonly #channels: ReadonlyMap<string, Stay>;
  readonly #socket: ClientSocket;
  /** The join that the URL of the connection under way asks for; null: none. */
  #first: { readonly stay: Stay; readonly position: number | null } | null = null;

  constructor(plan: ClientPlan, world: World, random: Random) {
    this.plan = plan;
    this.world = world;
    this.#random = random;
    this.outbox = new Outbox(world.seed, plan.c);
    this.stays = new Map(plan.channels.map((ch) => [ch, new Stay(ch)]));
    this.#channels = new Map([...this.stays.values()].map((stay) => [world.channelIds[stay.ch] ?? '', stay]));
    this.#socket = new ClientSocket({
      urls: world.urls,
      token: plan.token,
      random,
      log: this.#log,
      target: () => this.#target(),
      onOpen: () => this.#onOpen(),
      onText: (text) => this.#onFrame(text),
      onGone: (code) => {
        const inside = [...this.stays.values()].filter(({ state }) => state === 'in');
        for (const stay of this.stays.values()) stay.out();
        if (code === BANNED_CODE) for (const stay of inside) this.onKept(stay);
      },
    });
  }

  get connected(): boolean {
    return this.#socket.isOpen;
  }

  /** The channels that he is in now. */
  get inside(): Stay[] {
    return this.connected && !this.#socket.frozen ? [...this.stays.values()].filter(({ state }) => state === 'in') : [];
  }

  get settled(): boolean {
    return this.inside.length === this.stays.size && this.outbox.size === 0;
  }

  /** Comes, or comes back, now. */
  connect(): void {
    this.#socket.connect();
  }

  /** Ends the connection. @param backInMs when to come back */
  drop(backInMs: number, gracefully: boolean): void {
    this.#socket.drop(backInMs, gracefully);
  }

  /** Asks to be let into a channel; many-channel connections only. */
  join(stay: Stay): void {
    const position = this.#positionFor(stay);
    this.#noteJoin(stay, position);
    this.#socket.send({
      type: 'join',
      channel_id: this.world.channelIds[stay.ch],
      ...(position === null ? {} : { last_seq: position }),
    });
  }

  leave(stay: Stay): void {
    this.#log({ k: 'leave', conn: this.#socket.conn, ch: stay.ch });
    stay.out();
    this.#socket.send({ type: 'leave', channel_id: this.world.channelIds[stay.ch] });
  }

  /** Sends a message that has to get through, as soon as he is in its channel. */
  sendOut(message: OutMessage): void {
    const { ch, id, size } = message;
    if (this.stays.get(ch)?.state !== 'in' || !this.connected) return;
    this.outbox.sending(message);
    this.sent++;
    this.#log({ k: 'sent', conn: this.#socket.conn, ch, id, size });
    this.#socket.send({
      type: 'message',
      channel_id: this.world.channelIds[ch],
      content: contentOf(id, size),
      message_id: id,
    });
  }

  /** Sends a message that has to be refused with the code `bad`. */
  sendBad(ch: number, id: string, content: string, bad: string): void {
    this.#log({ k: 'sent', conn: this.#socket.conn, ch, id, size: 0, bad });
    this.#socket.send({ type: 'message', channel_id: this.world.channelIds[ch], content, message_id: id });
  }

  /** Reads nothing any more. */
  freeze(): void {
    this.#socket.freeze();
  }

  /** Reads again. */
  thaw(): void {
    this.#socket.thaw();
  }

  /** Writes down how it all ended, and goes. */
  end(): void {
    for (const { ch, state, reached } of this.stays.values()) {
      this.#log({ k: 'end', ch, reached: this.connected && state === 'in' ? reached : null });
    }
    for (const { ch, id, sends } of this.outbox.all) if (sends > 0) this.#log({ k: 'unanswered', ch, id });
    this.outbox.close();
    this.#socket.end();
  }

  /** A message of his was answered for good. */
  settle(id: string): void {
    if (this.outbox.settle(id)) this.acked++;
  }

  #target(): string {
    const { channelIds } = this.world;
    const single = this.plan.mode === 'one';
    const byUrl = single || this.#random.chance(JOIN_BY_URL_CHANCE);
    const stay = byUrl ? [...this.stays.values()].find(({ wanted }) => wanted) : undefined;
    this.#first = stay === undefined ? null : { stay, position: this.#positionFor(stay) };
    if (this.#first === null) return '/ws/chat';
    const query = new URLSearchParams();
    if (!single) query.set('channel_id', channelIds[this.#first.stay.ch] ?? '');
    if (this.#first.position !== null) query.set('last_seq', String(this.#first.position));
    const path = single ? `/api/v1/chat/channels/${channelIds[this.#first.stay.ch]}/ws` : '/ws/chat';
    return `${path}?${query}`;
  }

  #onOpen(): void {
    const first = this.#first;
    if (first !== null) this.#noteJoin(first.stay, first.position);
    for (const stay of this.stays.values()) if (stay !== first?.stay && stay.wanted) this.join(stay);
  }

  #onFrame(text: string): void {
    let frame: ServerFrame;
    try {
      frame = parseServerFrame(text);
    } catch (error) {
      this.#log({ k: 'odd', text: String(error).slice(0, 500) });
      return;
    }
    if (frame.type === 'subscribed') this.#onSubscribed(frame);
    else if (frame.type === 'error') this.#onError(frame);
    else if (frame.type === 'left') this.#onLeft(frame);
    else if (frame.type === 'moderation') this.#onModeration(frame);
    else if (frame.type === 'draining') this.#socket.comeBackIn(frame.retry_after_ms);
    else if ('seq' in frame) this.#onSequenced(frame);
  }

  #onSubscribed(frame: Extract<ServerFrame, { type: 'subscribed' }>): void {
    const stay = this.#channels.get(frame.channel_id);
    if (stay === undefined) {
      this.#log({ k: 'odd', text: `subscribed to a channel that was not asked for: ${frame.channel_id}` });
      return;
    }
    const asked = stay.subscribed(frame);
    const { seq, recovered, oldest_seq: oldest = null } = frame;
    this.#log({ k: 'sub', conn: this.#socket.conn, ch: stay.ch, asked, seq, recovered, oldest });
    if (stay.state !== 'in') return;
    this.#socket.succeeded();
    for (const message of this.outbox.ofChannel(stay.ch)) this.sendOut(message);
    if (this.bounces > 0) {
      this.bounces--;
      this.drop(0, false);
    }
  }

  /** He was taken out of a channel and asks to be let in again; the answer to a leave of his own changes nothing. */
  #onLeft({ channel_id, code }: Extract<ServerFrame, { type: 'left' }>): void {
    const stay = this.#channels.get(channel_id);
    if (stay === undefined || code === undefined) return;
    this.#log({ k: 'leave', conn: this.#socket.conn, ch: stay.ch });
    // A join that he has sent meanwhile is answered still.
    if (stay.asked.length === 0) {
      stay.out();
      this.#joinLater(stay, JOIN_RETRY_MS);
    }
    this.onKept(stay);
  }

  #onModeration({ action, channel_id }: Extract<ServerFrame, { type: 'moderation' }>): void {
    const stay = this.#channels.get(channel_id);
    if (stay !== undefined && action === 'muted') this.onKept(stay);
  }

  #onSequenced(frame: Extract<ServerFrame, { channel_id: string; seq: number }>): void {
    const stay = this.#channels.get(frame.channel_id);
    if (stay === undefined) {
      this.#log({ k: 'odd', text: `a frame of a channel that he is not in: ${JSON.stringify(frame)}` });
      return;
    }
    const id = frame.type === 'message' ? frame.message_id : undefined;
    const d = frame.type === 'message' ? digestOf(frame.content) : undefined;
    const { seq, type } = frame;
    this.got++;
    this.#log({
      k: 'got',
      conn: this.#socket.conn,
      ch: stay.ch,
      seq,
      type,
      ...(id === undefined ? {} : { id }),
      ...(d === undefined ? {} : { d }),
    });
    stay.got(seq, this.outbox.wasRepeated(id));
    if (id === undefined) return;
    if (this.outbox.isOwn(id)) this.settle(id);
    else this.foreignId = id;
  }

  #onError({ code, channel_id, message_id, retry_after_ms }: Extract<ServerFrame, { type: 'error' }>): void {
    const stay = channel_id === null ? undefined : this.#channels.get(channel_id);
    this.#log({ k: 'err', conn: this.#socket.conn, ch: stay?.ch ?? null, id: message_id ?? null, code });
    const retryMs = (retry_after_ms ?? JOIN_RETRY_MS) * (0.5 + this.#random.next());
    if (message_id !== undefined) {
      const message = this.outbox.get(message_id);
      if (message === undefined) return;
      if (isRetryable(code)) this.outbox.retryIn(message, retryMs, () => this.sendOut(message));
      else this.outbox.settle(message_id);
      return;
    }
    // A leave of what he was taken out of before is refused by this code, and a join never is.
    if (stay === undefined || stay.asked.length === 0 || code === 'INVALID_CHANNEL_ID') return;
    stay.refused();
    this.#joinLater(stay, retryMs);
  }

  #joinLater(stay: Stay, waitMs: number): void {
    const { conn } = this.#socket;
    setTimeout(() => {
      if (conn === this.#socket.conn && this.connected && stay.state === 'out' && stay.wanted) this.join(stay);
    }, waitMs);
  }

  #noteJoin(stay: Stay, position: number | null): void {
    stay.join(position);
    this.#log({ k: 'join', conn: this.#socket.conn, ch: stay.ch, asked: position });
  }

  #positionFor(stay: Stay): number | null {
    if (stay.lastSeq === null || this.#random.chance(this.forgetful)) return this.#random.chance(0.5) ? 0 : null;
    return stay.lastSeq;
  }

  readonly #log = (event: OwnEvent): void => {
    this.world.log.write({ ...event, t: clockMs(), c: this.plan.c });
  };
}

/** Whether the same message may get through later. */
export function isRetryable(code: string): boolean {
  return code === 'UNAVAILABLE' || code === 'INTERNAL' || code === 'RATE_LIMITED';
}
