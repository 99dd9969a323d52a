import type { ServerFrame } from '@hubbub/protocol/frames.js';
import { WebSocket } from 'ws';
import { parseServerFrame } from '../support/frame-check.js';
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

const HANDSHAKE_TIMEOUT_MS = 6000;
/** How long the answer to a close is waited for: a halted instance gives none. */
const CLOSE_TIMEOUT_MS = 1500;
const PING_INTERVAL_MS = 4000;
/** Silence after which a connection counts as dead; an instance may stand still for five seconds. */
const SILENCE_LIMIT_MS = 9000;
const MIN_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 2000;
const JOIN_RETRY_MS = 500;

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
  readonly #random: Random;
  readonly #channels: ReadonlyMap<string, Stay>;
  #socket: WebSocket | null = null;
  #conn = 0;
  #heardAtMs = 0;
  #failures = 0;
  #reconnectInMs: number | null = null;
  /** The connection is ended by this client's own will. */
  #dropping = false;
  #reconnect: NodeJS.Timeout | null = null;
  #ping: NodeJS.Timeout | null = null;
  #frozen = false;
  #ended = false;

  constructor(plan: ClientPlan, world: World, random: Random) {
    this.plan = plan;
    this.world = world;
    this.#random = random;
    this.outbox = new Outbox(world.seed, plan.c);
    this.stays = new Map(plan.channels.map((ch) => [ch, new Stay(ch)]));
    this.#channels = new Map([...this.stays.values()].map((stay) => [world.channelIds[stay.ch] ?? '', stay]));
  }

  get connected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Number of the connection that is open, or was last. */
  get conn(): number {
    return this.#conn;
  }

  /** The channels that he is in now. */
  get inside(): Stay[] {
    return this.connected && !this.#frozen ? [...this.stays.values()].filter(({ state }) => state === 'in') : [];
  }

  get settled(): boolean {
    return this.inside.length === this.stays.size && this.outbox.size === 0;
  }

  connect(): void {
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#reconnect = null;
    if (this.#ended || this.#socket !== null) return;
    const { world, plan } = this;
    const i = this.#random.int(0, world.urls.length - 1);
    const conn = ++this.#conn;
    const first =
      plan.mode === 'one' || this.#random.chance(0.3) ? [...this.stays.values()].find((s) => s.wanted) : null;
    const url = new URL(`${world.urls[i]}`.replace(/^http/, 'ws'));
    if (plan.mode === 'one') url.pathname = `/api/v1/chat/channels/${world.channelIds[first?.ch ?? -1]}/ws`;
    else {
      url.pathname = '/ws/chat';
      if (first != null) url.searchParams.set('channel_id', world.channelIds[first.ch] ?? '');
    }
    const position = first == null ? null : this.#positionFor(first);
    if (position !== null) url.searchParams.set('last_seq', String(position));
    const socket = new WebSocket(url, {
      headers: { Authorization: `Bearer ${plan.token}` },
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    });
    this.#socket = socket;
    let opened = false;
    socket.on('error', () => {});
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      const refused = () => {
        const code = /"code":"(\w+)"/.exec(body)?.[1] ?? '';
        if (this.#socket === socket) this.#log({ k: 'refused', i, status: response.statusCode ?? 0, code });
        socket.terminate();
      };
      response.once('end', refused).once('error', refused);
    });
    socket.on('open', () => {
      opened = true;
      this.#heardAtMs = clockMs();
      this.#log({ k: 'open', conn, i });
      if (first != null) this.#noteJoin(first, position);
      for (const stay of this.stays.values()) if (stay !== first && stay.wanted) this.join(stay);
      this.#ping = setInterval(() => this.#keepAlive(), PING_INTERVAL_MS);
    });
    socket.on('message', (data) => this.#onFrame(String(data)));
    socket.on('close', (code, reason) => this.#onClose(socket, conn, opened, code, String(reason)));
  }

  /** Ends the connection. @param backInMs when to come back; null: after the usual wait */
  drop(backInMs: number | null, gracefully: boolean): void {
    this.#reconnectInMs = backInMs;
    this.#dropping = true;
    const socket = this.#socket;
    if (gracefully) {
      socket?.close();
      setTimeout(() => socket?.terminate(), CLOSE_TIMEOUT_MS);
    } else socket?.terminate();
  }

  /** Asks to be let into a channel; many-channel connections only. */
  join(stay: Stay): void {
    const position = this.#positionFor(stay);
    this.#noteJoin(stay, position);
    this.#send({
      type: 'join',
      channel_id: this.world.channelIds[stay.ch],
      ...(position === null ? {} : { last_seq: position }),
    });
  }

  leave(stay: Stay): void {
    this.#log({ k: 'leave', conn: this.#conn, ch: stay.ch });
    stay.out();
    this.#send({ type: 'leave', channel_id: this.world.channelIds[stay.ch] });
  }

  /** Sends a message that has to get through, as soon as he is in its channel. */
  sendOut(message: OutMessage): void {
    const { ch, id, size } = message;
    if (this.stays.get(ch)?.state !== 'in' || !this.connected) return;
    this.outbox.sending(message);
    this.sent++;
    this.#log({ k: 'sent', conn: this.#conn, ch, id, size });
    this.#send({
      type: 'message',
      channel_id: this.world.channelIds[ch],
      content: contentOf(id, size),
      message_id: id,
    });
  }

  /** Sends a message that has to be refused with the code `bad`. */
  sendBad(ch: number, id: string, content: string, bad: string): void {
    this.#log({ k: 'sent', conn: this.#conn, ch, id, size: 0, bad });
    this.#send({ type: 'message', channel_id: this.world.channelIds[ch], content, message_id: id });
  }

  freeze(): void {
    if (!this.connected || this.#frozen) return;
    this.#frozen = true;
    this.#log({ k: 'freeze', conn: this.#conn });
    this.#socket?.pause();
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#heardAtMs = clockMs();
    this.#log({ k: 'thaw', conn: this.#conn });
    if (this.connected) this.#socket?.resume();
  }

  /** Writes down how it all ended, and goes. */
  end(): void {
    for (const { ch, state, reached } of this.stays.values()) {
      this.#log({ k: 'end', ch, reached: this.connected && state === 'in' ? reached : null });
    }
    for (const { ch, id, sends } of this.outbox.all) if (sends > 0) this.#log({ k: 'unanswered', ch, id });
    this.#ended = true;
    this.outbox.close();
    if (this.#reconnect !== null) clearTimeout(this.#reconnect);
    this.#socket?.terminate();
  }

  /** A message of his was answered for good. */
  settle(id: string): void {
    if (this.outbox.settle(id)) this.acked++;
  }

  #onClose(socket: WebSocket, conn: number, opened: boolean, code: number, why: string): void {
    if (this.#socket !== socket) return;
    this.#socket = null;
    if (this.#ping !== null) clearInterval(this.#ping);
    this.#ping = null;
    this.thaw();
    if (opened) this.#log({ k: 'close', conn, code, why, own: this.#dropping });
    this.#dropping = false;
    for (const stay of this.stays.values()) stay.out();
    const backoffMs = Math.min(MIN_BACKOFF_MS * 2 ** this.#failures, MAX_BACKOFF_MS) * (0.5 + this.#random.next() / 2);
    this.#failures++;
    const waitMs = this.#reconnectInMs ?? backoffMs;
    this.#reconnectInMs = null;
    if (!this.#ended) this.#reconnect = setTimeout(() => this.connect(), waitMs);
  }

  #onFrame(text: string): void {
    this.#heardAtMs = clockMs();
    let frame: ServerFrame;
    try {
      frame = parseServerFrame(text);
    } catch (error) {
      this.#log({ k: 'odd', text: String(error).slice(0, 500) });
      return;
    }
    if (frame.type === 'subscribed') this.#onSubscribed(frame);
    else if (frame.type === 'error') this.#onError(frame);
    else if (frame.type === 'draining') this.#reconnectInMs = frame.retry_after_ms;
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
    this.#log({ k: 'sub', conn: this.#conn, ch: stay.ch, asked, seq, recovered, oldest });
    if (stay.state !== 'in') return;
    this.#failures = 0;
    for (const message of this.outbox.ofChannel(stay.ch)) this.sendOut(message);
    if (this.bounces > 0) {
      this.bounces--;
      this.drop(0, false);
    }
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
      conn: this.#conn,
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
    this.#log({ k: 'err', conn: this.#conn, ch: stay?.ch ?? null, id: message_id ?? null, code });
    const retryMs = (retry_after_ms ?? JOIN_RETRY_MS) * (0.5 + this.#random.next());
    if (message_id !== undefined) {
      const message = this.outbox.get(message_id);
      if (message === undefined) return;
      if (isRetryable(code)) this.outbox.retryIn(message, retryMs, () => this.sendOut(message));
      else this.outbox.settle(message_id);
      return;
    }
    if (stay === undefined || stay.asked.length === 0) return;
    stay.refused();
    const conn = this.#conn;
    setTimeout(() => {
      if (conn === this.#conn && this.connected && stay.state === 'out' && stay.wanted) this.join(stay);
    }, retryMs);
  }

  #noteJoin(stay: Stay, position: number | null): void {
    stay.join(position);
    this.#log({ k: 'join', conn: this.#conn, ch: stay.ch, asked: position });
  }

  #positionFor(stay: Stay): number | null {
    if (stay.lastSeq === null || this.#random.chance(this.forgetful)) return this.#random.chance(0.5) ? 0 : null;
    return stay.lastSeq;
  }

  #keepAlive(): void {
    if (this.#frozen) return;
    if (clockMs() - this.#heardAtMs > SILENCE_LIMIT_MS) this.#socket?.terminate();
    else this.#send({ type: 'ping' });
  }

  #send(frame: object): void {
    if (this.connected) this.#socket?.send(JSON.stringify(frame));
  }

  readonly #log = (event: LogInput): void => {
    this.world.log.write({ ...event, t: clockMs(), c: this.plan.c });
  };
}

type LogInput = DistributiveOmit<Parameters<EventLog['write']>[0], 't' | 'c'>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** Whether the same message may get through later. */
export function isRetryable(code: string): boolean {
  return code === 'UNAVAILABLE' || code === 'INTERNAL' || code === 'RATE_LIMITED';
}
