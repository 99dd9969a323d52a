import { Calm } from './calm.js';
import { keyOf } from './key.js';
import type { RunIndex } from './run-index.js';
import type { StoredAction, Violation } from './run-record.js';

/** Whoever is banned is cut off within so long, as long as nothing is broken: a lost note is noticed within 5 s. */
const MAX_CALM_CUT_MS = 7000;
/** Times are stored in whole milliseconds, one of them rounded and the other cut. */
const ROUNDING_MS = 2;

/** Bans, timeouts and mutes hold from their commit on, and the audit trail is whole. */
export function* checkModeration(index: RunIndex): Generator<Violation> {
  yield* checkPlaces(index);
  yield* checkCutOff(index);
  const { trail } = index.run.stored;
  if (trail !== null) yield { rule: 'trail', t: null, text: `the audit trail does not hold: ${trail}` };
}

/**
 * No message of someone has a place between the commit of what kept him from writing and the commit of its end. The
 * places are exact: the database noted the head of the channel in the transaction of each action, under its lock.
 */
function* checkPlaces({ run: { stored } }: RunIndex): Generator<Violation> {
  const actions = new Map<string, StoredAction[]>();
  for (const action of stored.actions) {
    const key = keyOf(action.ch, action.c);
    actions.set(key, [...(actions.get(key) ?? []), action]);
  }
  for (const { ch, c, seq, id, atMs } of stored.messages) {
    const before = (actions.get(keyOf(ch, c)) ?? []).filter(({ head }) => head < seq);
    for (const action of inForce(before)) {
      if (action.expiresAtMs !== null && atMs >= action.expiresAtMs - ROUNDING_MS) continue;
      const text =
        `message ${id} of client ${c} has place ${seq} of channel ${ch}, and his ${action.kind} was committed ` +
        `at place ${action.head}`;
      yield { rule: 'moderation', t: null, c, ch, id, text };
    }
  }
}

/** What of some actions on one user, in their order, holds after them. */
function inForce(actions: readonly StoredAction[]): StoredAction[] {
  const held = new Map<string, StoredAction>();
  for (const action of actions) {
    if (action.kind === 'unmute') held.delete('mute');
    else if (action.kind === 'unban') {
      held.delete('ban');
      held.delete('timeout');
    } else held.set(action.kind, action);
  }
  return [...held.values()];
}

/** Someone who is banned does not go on hearing. */
function* checkCutOff(index: RunIndex): Generator<Violation> {
  const { restraint, run } = index;
  const calm = new Calm([...run.faults, ...run.stalls]);
  const told = new Set<string>();
  for (const event of run.events) {
    if (event.k !== 'got') continue;
    const { t, c, ch, seq } = event;
    const since = restraint.bannedSince(c, ch, t);
    // He may read late what was sent to him before: what counts is when it was there for the others.
    const thereMs = index.seenAtMs.get(keyOf(ch, seq)) ?? t;
    if (since === null || told.has(keyOf(c, ch))) continue;
    if (thereMs < since || calm.within(since, thereMs) <= MAX_CALM_CUT_MS) continue;
    told.add(keyOf(c, ch));
    const text = `client ${c} got place ${seq} of channel ${ch} ${Math.round(t - since)} ms after he was banned from it`;
    yield { rule: 'moderation', t, c, ch, text };
  }
}
