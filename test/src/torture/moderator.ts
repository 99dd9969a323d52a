import { setTimeout as delay } from 'node:timers/promises';
import type { Moderated } from './crew-order.js';
import { clockMs, type ModeratedEvent } from './events.js';
import type { Random } from './random.js';
import type { RestCalls } from './rest-calls.js';
import type { TortureClient } from './torture-client.js';

/** A moderator may do thirty things a minute; each of these is followed by its end. */
const PAUSE_MS = 4000;
const HELD_MS: readonly [number, number] = [500, 12_000];
const RETRY_MS = 1500;
/** A request that was given up may still be carried out as long as this after it was sent. */
const DOUBT_MS = 20_000;
const SHARES = { ban: 4, timeout: 3, mute: 4 } as const;

type Restriction = keyof typeof SHARES;

interface Held {
  readonly target: Moderated['targets'][number];
  readonly what: Restriction;
  /** Not to be lifted before: until then it may only just come into force. On the clock of the events. */
  readonly doubtfulUntilMs: number;
}

/** What a client does to others in the channel that he moderates. Whatever he has laid on someone he lifts again. */
export class Moderator {
  readonly #client: TortureClient;
  readonly #rest: RestCalls;
  readonly #random: Random;
  readonly #charge: Moderated;
  readonly #held = new Map<Held, NodeJS.Timeout>();
  #busy = 0;
  #actedAtMs = Number.NEGATIVE_INFINITY;
  #quiet = false;

  constructor(client: TortureClient, rest: RestCalls, random: Random, charge: Moderated) {
    this.#client = client;
    this.#rest = rest;
    this.#random = random;
    this.#charge = charge;
  }

  /** Nobody is held by him, as far as he knows. */
  get settled(): boolean {
    return this.#held.size === 0 && this.#busy === 0;
  }

  /** Takes the right to write, or to be there, from someone for a while. */
  async restrict(): Promise<void> {
    const { targets, ch } = this.#charge;
    if (this.#quiet || targets.length === 0 || clockMs() - this.#actedAtMs < PAUSE_MS) return;
    this.#actedAtMs = clockMs();
    const target = this.#random.pick(targets);
    const what = this.#random.weighted(SHARES);
    const heldMs = this.#random.int(...HELD_MS);
    this.#busy++;
    const sentMs = clockMs();
    const body = { user_id: target.userId, reason: 'torture', ...(what === 'timeout' ? { duration_minutes: 1 } : {}) };
    const answer = await this.#rest.call('POST', `${this.#path(ch)}/${what}`, body);
    this.#note(what, target.c, sentMs, answer?.status ?? 0);
    const sure = answer !== null && answer.status < 500;
    this.#hold({ target, what, doubtfulUntilMs: sure ? 0 : sentMs + DOUBT_MS }, heldMs);
    this.#busy--;
  }

  /** Starts nothing new, and lifts what there is. */
  quiet(): void {
    this.#quiet = true;
    for (const [held, timer] of this.#held) {
      clearTimeout(timer);
      void this.#lift(held);
    }
  }

  #hold(held: Held, forMs: number): void {
    const timer = setTimeout(() => void this.#lift(held), this.#quiet ? 0 : forMs);
    this.#held.set(held, timer);
  }

  /** Again and again until it was answered for good. */
  async #lift(held: Held): Promise<void> {
    const { target, what, doubtfulUntilMs } = held;
    const kind = what === 'mute' ? 'mute' : 'ban';
    this.#busy++;
    this.#held.delete(held);
    await delay(Math.max(0, doubtfulUntilMs - clockMs()));
    for (;;) {
      const sentMs = clockMs();
      const answer = await this.#rest.call('DELETE', `${this.#path(this.#charge.ch)}/${kind}/${target.userId}`, {});
      const status = answer?.status ?? 0;
      this.#note(kind === 'mute' ? 'unmute' : 'unban', target.c, sentMs, status);
      if (status === 200 || status === 404) break;
      await delay(RETRY_MS * (0.5 + this.#random.next()));
    }
    this.#busy--;
  }

  #path(ch: number): string {
    return `/api/v1/chat/channels/${this.#client.world.channelIds[ch]}`;
  }

  #note(action: ModeratedEvent['action'], target: number, sentMs: number, status: number): void {
    const { world, plan } = this.#client;
    world.log.write({ k: 'moderated', t: clockMs(), c: plan.c, ch: this.#charge.ch, target, action, sentMs, status });
  }
}
