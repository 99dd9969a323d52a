import { Calm } from './calm.js';
import { lagsOf } from './lags.js';
import type { RunIndex } from './run-index.js';
import type { Violation } from './run-record.js';

/** Nobody who is connected waits longer for what others have, as long as nothing is broken. */
const MAX_CALM_LAG_MS = 3000;

/** Everyone connected got everything, in good time, and at the end all of it; every message was answered. */
export function* checkDelivery(index: RunIndex): Generator<Violation> {
  yield* checkLateness(index);
  for (const event of index.run.events) {
    if (event.k === 'unanswered') {
      const { c, ch, id } = event;
      yield { rule: 'unanswered', t: null, c, ch, id, text: `message ${id} of client ${c} was never answered` };
    }
    if (event.k !== 'end') continue;
    const { c, ch, reached } = event;
    const head = index.run.stored.heads[ch] ?? 0;
    if (reached === null) {
      yield { rule: 'behind', t: null, c, ch, text: `client ${c} could not get into channel ${ch} at the end` };
    } else if (reached !== head) {
      const text = `client ${c} is at place ${reached} of channel ${ch} at the end, and its head is ${head}`;
      yield { rule: 'behind', t: null, c, ch, text };
    }
  }
}

/** The first late place of each client's stay stands for those that are late with it. */
function* checkLateness(index: RunIndex): Generator<Violation> {
  const calm = new Calm([...index.run.faults, ...index.run.stalls]);
  const told = new Set<string>();
  for (const { c, ch, seq, fromMs, toMs, delivered } of lagsOf(index)) {
    if (toMs - fromMs <= MAX_CALM_LAG_MS || calm.within(fromMs, toMs) <= MAX_CALM_LAG_MS) continue;
    const key = `${c}|${ch}|${Math.floor(toMs / 1000)}`;
    if (told.has(key)) continue;
    told.add(key);
    const end = delivered ? 'got it' : 'was gone or at the end without it';
    const text =
      `client ${c} was in channel ${ch} and waited ${Math.round(toMs - fromMs)} ms for place ${seq}, which others had, ` +
      `${Math.round(calm.within(fromMs, toMs))} ms of it with nothing broken, then ${end}`;
    yield { rule: 'late', t: toMs, c, ch, text };
  }
}
