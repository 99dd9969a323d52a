import { contentOf, digestOf } from './content.js';
import type { GotEvent } from './events.js';
import { keyOf, type RunIndex, type Story } from './run-index.js';
import type { Violation } from './run-record.js';

/** Codes after which the same message may be tried again. */
const RETRYABLE = new Set(['', 'UNAVAILABLE', 'INTERNAL', 'RATE_LIMITED']);

/** What clients were told of messages is what is stored, and what was refused is not. */
export function* checkMessages(index: RunIndex): Generator<Violation> {
  for (const event of index.run.events) {
    if (event.k === 'got') yield* checkDelivery(index, event);
    else if (event.k === 'odd') yield { rule: 'odd', t: event.t, c: event.c, text: `client ${event.c}: ${event.text}` };
    else if (event.k === 'erased' && event.status === 200 && index.storedById.get(event.id)?.deleted !== true) {
      const { t, c, id } = event;
      yield { rule: 'lost', t, c, id, text: `the deletion of message ${id} was acknowledged, and it is not deleted` };
    } else if (event.k === 'refused' && event.status !== 503) {
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

function* checkStory({ storedById }: RunIndex, story: Story): Generator<Violation> {
  const { id, c, ch } = story;
  const stored = storedById.get(id);
  for (const { t, seq, status } of story.posted) {
    if (stored?.seq === seq && stored.ch === ch) continue;
    const text = `REST answered message ${id} with ${status} and seq ${seq}, stored is ${stored?.seq ?? 'nothing'}`;
    yield { rule: stored === undefined ? 'lost' : 'disagreement', t, c, ch, id, text };
  }
  for (const { t, code } of story.errors) {
    if (RETRYABLE.has(code)) continue;
    const text = `message ${id} of client ${c} was refused with ${code}, and nothing is wrong with it`;
    yield { rule: 'refusal', t, c, ch, id, text };
  }
}

function* checkBad({ bad, errors, storedById }: RunIndex): Generator<Violation> {
  for (const sent of bad) {
    const { t, c, ch, id } = sent;
    if (storedById.get(id)?.c === c) {
      yield { rule: 'refusal', t, c, ch, id, text: `message ${id} is stored, and ${sent.bad} was expected` };
    }
    const wrong = errors.get(keyOf(c, id))?.find(({ code }) => code !== sent.bad && !RETRYABLE.has(code));
    if (wrong !== undefined) {
      const text = `message ${id} was refused with ${wrong.code}, expected was ${sent.bad}`;
      yield { rule: 'refusal', t: wrong.t, c, ch, id, text };
    }
  }
}
