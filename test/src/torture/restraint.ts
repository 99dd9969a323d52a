import type { ModeratedEvent } from './events.js';
import { keyOf } from './key.js';

/** A timeout is laid for a minute; a little earlier it is not sure any more. */
const TIMEOUT_MS = 55_000;

interface Held {
  readonly kind: 'ban' | 'mute';
  /** From when it may have been in force: its request went out. */
  readonly fromMs: number;
  /** From when it surely was: it was answered. Infinity: it never was. */
  readonly sureFromMs: number;
  /** Until when it surely was: the first request to lift it went out. */
  readonly sureToMs: number;
  /** Until when it may have been: he who laid it knows that it is lifted. */
  readonly toMs: number;
}

/** When each client may have been, and when he surely was, kept from a channel or from writing, by what moderators saw. */
export class Restraint {
  readonly #held = new Map<string, Held[]>();

  constructor(actions: readonly ModeratedEvent[]) {
    const lifts = actions.filter(({ action }) => action === 'unban' || action === 'unmute');
    for (const each of actions) {
      if (each.action === 'unban' || each.action === 'unmute') continue;
      const kind = each.action === 'mute' ? 'mute' : 'ban';
      const own = lifts.filter(
        ({ ch, target, action, t }) =>
          ch === each.ch && target === each.target && action === `un${kind}` && t > each.sentMs,
      );
      const last = own.find(
        ({ c, status, sentMs }) => c === each.c && sentMs >= each.t && status !== 0 && status < 429,
      );
      const held: Held = {
        kind,
        fromMs: each.sentMs,
        sureFromMs: each.status === 200 ? each.t : Number.POSITIVE_INFINITY,
        sureToMs: Math.min(
          ...own.map(({ sentMs }) => sentMs),
          each.action === 'timeout' ? each.sentMs + TIMEOUT_MS : Number.POSITIVE_INFINITY,
        ),
        toMs: last?.t ?? Number.POSITIVE_INFINITY,
      };
      const key = keyOf(each.target, each.ch);
      this.#held.set(key, [...(this.#held.get(key) ?? []), held]);
    }
  }

  /** Whether the client may have been kept from the channel (or from writing in it) at some time of the span. */
  mayHold(c: number, ch: number, fromMs: number, toMs: number): boolean {
    return this.#held.get(keyOf(c, ch))?.some((held) => held.fromMs <= toMs && held.toMs >= fromMs) ?? false;
  }

  /** Since when the client is surely banned from the channel at a time; null: he may not be. */
  bannedSince(c: number, ch: number, t: number): number | null {
    const held = this.#held
      .get(keyOf(c, ch))
      ?.find(({ kind, sureFromMs, sureToMs }) => kind === 'ban' && sureFromMs < t && t < sureToMs);
    return held?.sureFromMs ?? null;
  }
}
