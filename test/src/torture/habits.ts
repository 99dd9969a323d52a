import { Moderator } from './moderator.js';
import type { Random } from './random.js';
import { RestCalls } from './rest-calls.js';
import type { Stay } from './stay.js';
import type { TortureClient } from './torture-client.js';

/** How often a client does what; the numbers are shares. */
const WEIGHTS = {
  send: 100,
  post: 8,
  bad: 5,
  away: 5,
  bounce: 3,
  freeze: 4,
  leave: 7,
  again: 4,
  rename: 4,
  erase: 4,
  moderate: 40,
} as const;
const SLUGGISH_WEIGHTS = { ...WEIGHTS, send: 10, freeze: 30 } as const;

const BURST_CHANCE = 0.15;
const BURST: readonly [number, number] = [2, 8];
/** So much that a reader who stands still for half a minute is megabytes behind. */
const LOUD_BURST: readonly [number, number] = [30, 60];
const LOUD_CHARS: readonly [number, number] = [4000, 7900];
const FREEZE_MS: readonly [number, number] = [500, 5000];
const SLUGGISH_FREEZE_MS: readonly [number, number] = [20_000, 45_000];
const QUIET_SEND_CHANCE = 0.15;
const FORGET_CHANCE = 0.15;
/** A crowd of a thousand does not come in one millisecond. */
const ARRIVAL_MS = 1500;
const FOREIGN_ERASE_CHANCE = 0.2;
const RENAME_PAUSE_MS = 8000;
const TOO_LONG = 'x'.repeat(8001);

/** What a client does of his own accord, one thing after the other, until he is told to be quiet. */
export class Habits {
  readonly client: TortureClient;
  readonly #random: Random;
  readonly #rest: RestCalls;
  #timer: NodeJS.Timeout | null = null;
  /** What ends a state that he has put himself into: frozen, or out of a channel. */
  readonly #undo = new Map<NodeJS.Timeout, () => void>();
  readonly #moderator: Moderator | null;
  #renamedAtMs = 0;
  #quiet = false;

  constructor(client: TortureClient, random: Random) {
    this.client = client;
    this.#random = random;
    this.#rest = new RestCalls(client, random.fork(1));
    const { moderates } = client.plan;
    this.#moderator = moderates === null ? null : new Moderator(client, this.#rest, random.fork(2), moderates);
    client.onKept = (stay) => this.#protest(stay);
  }

  get settled(): boolean {
    return this.client.settled && this.#rest.running === 0 && (this.#moderator?.settled ?? true);
  }

  start(): void {
    this.client.forgetful = FORGET_CHANCE / 3;
    setTimeout(() => this.client.connect(), this.#random.int(0, ARRIVAL_MS));
    this.#next();
  }

  /** Nothing new from now on; comes back from wherever he is. */
  quiet(): void {
    this.#quiet = true;
    this.client.forgetful = 0;
    this.client.bounces = 0;
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const [timer, undo] of this.#undo) {
      clearTimeout(timer);
      undo();
    }
    this.#undo.clear();
    this.#moderator?.quiet();
    this.client.connect();
  }

  #next(): void {
    this.#timer = setTimeout(() => {
      this.#act();
      if (!this.#quiet) this.#next();
    }, this.#random.wait(this.client.plan.meanPauseMs));
  }

  #act(): void {
    const { client } = this;
    const inside = client.inside;
    if (inside.length === 0) return;
    const stay = this.#random.pick(inside);
    switch (this.#random.weighted(client.plan.sluggish ? SLUGGISH_WEIGHTS : WEIGHTS)) {
      case 'send':
        this.#send(stay);
        break;
      case 'post':
        void this.#rest.post(client.outbox.add(stay.ch, this.#sizeFor(stay)));
        break;
      case 'bad':
        this.#sendBad(stay);
        break;
      case 'away':
        client.drop(this.#random.int(1000, 8000), this.#random.chance(0.5));
        break;
      case 'bounce':
        client.bounces = 2;
        client.drop(0, this.#random.chance(0.5));
        break;
      case 'freeze':
        this.#freeze();
        break;
      case 'leave':
        if (client.plan.mode === 'many') this.#leave(stay);
        break;
      case 'again':
        if (client.plan.mode === 'many') this.#joinTwice(stay);
        break;
      case 'rename':
        this.#rename();
        break;
      case 'erase':
        void this.#rest.erase();
        break;
      case 'moderate':
        if (this.#moderator === null) this.#send(stay);
        else if (this.#random.chance(FOREIGN_ERASE_CHANCE)) void this.#rest.eraseForeign();
        else void this.#moderator.restrict();
        break;
    }
  }

  /** Someone who was thrown out, or muted, tries to go on in both ways. */
  #protest(stay: Stay): void {
    if (this.#quiet) return;
    for (let left = this.#random.int(1, 3); left > 0; left--) {
      const message = this.client.outbox.add(stay.ch, this.#sizeFor(stay));
      const overRest = this.#random.chance(0.5);
      this.#undoIn(this.#random.int(0, 2000), () => {
        if (overRest) void this.#rest.post(message);
        else this.client.sendOut(message);
      });
    }
  }

  #send(stay: Stay): void {
    const { client } = this;
    const { quietFrom, loudChannel } = client.world;
    const loud = stay.ch === loudChannel;
    if (stay.ch >= quietFrom && !loud && !this.#random.chance(QUIET_SEND_CHANCE)) return;
    const burst = loud ? LOUD_BURST : this.#random.chance(BURST_CHANCE) ? BURST : ([1, 1] as const);
    for (let left = this.#random.int(...burst); left > 0; left--) {
      client.sendOut(client.outbox.add(stay.ch, this.#sizeFor(stay)));
    }
  }

  #freeze(): void {
    const { client } = this;
    client.freeze();
    const forMs = this.#random.int(...(client.plan.sluggish ? SLUGGISH_FREEZE_MS : FREEZE_MS));
    this.#undoIn(forMs, () => client.thaw());
  }

  /** Two joins in a row, without waiting for the answer to the first. */
  #joinTwice(stay: Stay): void {
    this.client.join(stay);
    this.client.join(stay);
  }

  #rename(): void {
    if (performance.now() - this.#renamedAtMs < RENAME_PAUSE_MS) return;
    this.#renamedAtMs = performance.now();
    void this.#rest.rename();
  }

  #leave(stay: Stay): void {
    const { client } = this;
    client.leave(stay);
    stay.wanted = false;
    this.#undoIn(this.#random.int(300, 6000), () => {
      stay.wanted = true;
      if (client.connected && stay.state === 'out') client.join(stay);
    });
  }

  #sendBad(stay: Stay): void {
    const { client } = this;
    const elsewhere = client.world.channelIds.findIndex((_, ch) => !client.stays.has(ch));
    const id = client.outbox.newId();
    const kinds: [content: string, bad: string, ch: number, id: string][] = [
      [' \n ', 'EMPTY_MESSAGE', stay.ch, id],
      [TOO_LONG, 'MESSAGE_TOO_LONG', stay.ch, id],
      ['a bell: \u0007', 'INVALID_FRAME', stay.ch, id],
      ['into nowhere', 'INVALID_MESSAGE_ID', stay.ch, `no-uuid-${id}`],
    ];
    if (elsewhere >= 0) kinds.push(['from outside', 'INVALID_CHANNEL_ID', elsewhere, id]);
    if (client.foreignId !== null) kinds.push(['stolen', 'INVALID_MESSAGE_ID', stay.ch, client.foreignId]);
    const [content, bad, ch, badId] = this.#random.pick(kinds);
    client.sendBad(ch, badId, content, bad);
  }

  #sizeFor(stay: Stay): number {
    if (stay.ch === this.client.world.loudChannel) return this.#random.int(...LOUD_CHARS);
    return this.#random.chance(0.1) ? this.#random.int(300, 1500) : this.#random.int(50, 200);
  }

  #undoIn(waitMs: number, undo: () => void): void {
    const timer = setTimeout(() => {
      this.#undo.delete(timer);
      undo();
    }, waitMs);
    this.#undo.set(timer, undo);
  }
}
