import { contentOf, digestOf } from './content.js';
import type { GotEvent, RefusedEvent } from './events.js';
import { keyOf } from './key.js';
import type { RunIndex, Story } from './run-index.js';
import type { Violation } from './run-record.js';

/** Codes after which the same message may be tried again. */
const RETRYABLE = new Set(['', 'UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED']);
/** What those hear whom a moderator keeps from writing, or has taken out of the channel. */
const KEPT_OUT = new Set(['FORBIDDEN', 'MUTED', 'INVALID_CHANNEL_ID']);
/** A handshake that takes longer is given up. */
const HANDSHAKE_MS = 7000;

/** What clients were told of messages is what is stored, and what was refused is not. */
export function* checkMessages(index: RunIndex): Generator<Violation> {
  for (const event of index.run.events) {
    if (event.k === 'got') yield* checkDelivery(index, event);
    else if (event.k === 'odd') yield { rule: 'odd', t: event.t, c: event.c, text: `client ${event.c}: ${event.text}` };
    else if (event.k === 'erased' && event.status === 200 && index.storedById.get(event.id)?.deleted !== true) {
      const { t, c, id } = event;
      yield { rule: 'lost', t, c, id, text: `the deletion of message ${id} was acknowledged, and it is not deleted` };
    } else if (event.k === 'refused' && event.status !== 503 && !isBanned(index, event)) {
      const text = `client ${event.c}: instance ${event.i} refused the upgrade with ${event.status} ${event.code}`;
      yield { rule: 'odd', t: event.t, c: event.c, text };
    } else if (event.k === 'err' && event.code === 'INTERNAL') {
      yield { rule: 'odd', t: event.t, c: event.c, text: `client ${event.c} was answered INTERNAL` };
    }
  }
  for (const story of index.stories.values()) yield* checkStory(index, story);
  yield* checkBad(index);
}

function* checkDelivery({ storedById, storedEvents, stories }: RunIndex, event: GotEvent): Generator<Violation> {
  const { t, c, ch, seq, type, id, d } = event;
  const at = { t, c, ch };
  if (id === undefined) {
    const stored = storedEvents.get(keyOf(ch, seq));
    if (stored?.type !== type) {
      const text = `client ${c} got ${type} at place ${seq} of channel ${ch}, where ${stored?.type ?? 'none'} is stored`;
      yield { rule: stored === undefined ? 'lost' : 'disagreement', ...at, text };
    }
    return;
  }
  const stored = storedById.get(id);
  if (stored === undefined) {
    const text = `client ${c} got message ${id} as place ${seq} of channel ${ch}, and it is not in the database`;
    yield { rule: 'lost', ...at, id, text };
    return;
  }
  if (stored.seq !== seq || stored.ch !== ch) {
    const text = `client ${c} got message ${id} as ${ch}/${seq}, stored is ${stored.ch}/${stored.seq} (channel/seq)`;
    yield { rule: 'disagreement', ...at, id, text };
  }
  // Before it was deleted a message had its text.
  const size = stories.get(id)?.size ?? 0;
  const right = d === stored.d || (stored.deleted && d === digestOf(contentOf(id, size)));
  if (!right) yield { rule: 'content', ...at, id, text: `client ${c} got another text of message ${id}` };
}

/** Whether the upgrade may have been refused because of a ban: of any of his channels, the event does not say which. */
function isBanned({ restraint, run }: RunIndex, { c, t, status, code }: RefusedEvent): boolean {
  if (status !== 403 || code !== 'FORBIDDEN') return false;
  return run.stored.heads.some((_, ch) => restraint.mayHold(c, ch, t - HANDSHAKE_MS, t));
}

function* checkStory({ storedById, restraint }: RunIndex, story: Story): Generator<Violation> {
  const { id, c, ch } = story;
  const stored = storedById.get(id);
  for (const { t, seq, status } of story.posted) {
    if (stored?.seq === seq && stored.ch === ch) continue;
    const text = `REST answered message ${id} with ${status} and seq ${seq}, stored is ${stored?.seq ?? 'nothing'}`;
    yield { rule: stored === undefined ? 'lost' : 'disagreement', t, c, ch, id, text };
  }
  for (const { t, code } of story.errors) {
    if (RETRYABLE.has(code)) continue;
    const sentAtMs = story.sends.findLast((sent) => sent.t <= t)?.t ?? t;
    if (KEPT_OUT.has(code) && restraint.mayHold(c, ch, sentAtMs, t)) {
      // One that went out again may have been stored the first time.
      if (stored !== undefined && story.sends.length === 1) {
        const text = `message ${id} of client ${c} was refused with ${code} for good, and is stored at place ${stored.seq}`;
        yield { rule: 'refusal', t, c, ch, id, text };
      }
      continue;
    }
    const text = `message ${id} of client ${c} was refused with ${code}, and nothing is wrong with it`;
    yield { rule: 'refusal', t, c, ch, id, text };
  }
}

function* checkBad({ bad, errors, storedById, restraint }: RunIndex): Generator<Violation> {
  for (const sent of bad) {
    const { t, c, ch, id } = sent;
    if (storedById.get(id)?.c === c) {
      yield { rule: 'refusal', t, c, ch, id, text: `message ${id} is stored, and ${sent.bad} was expected` };
    }
    const wrong = errors
      .get(keyOf(c, id))
      ?.find(
        (error) =>
          error.code !== sent.bad &&
          !RETRYABLE.has(error.code) &&
          !(KEPT_OUT.has(error.code) && restraint.mayHold(c, ch, t, error.t)),
      );
    if (wrong !== undefined) {
      const text = `message ${id} was refused with ${wrong.code}, expected was ${sent.bad}`;
      yield { rule: 'refusal', t: wrong.t, c, ch, id, text };
    }
  }
}
