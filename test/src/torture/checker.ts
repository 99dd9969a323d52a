import { checkDatabase } from './check-database.js';
import { checkDelivery } from './check-delivery.js';
import { checkMessages } from './check-messages.js';
import { checkModeration } from './check-moderation.js';
import { checkOrder } from './check-order.js';
import { checkStreams } from './check-streams.js';
import { RunIndex } from './run-index.js';
import type { RunRecord, Violation } from './run-record.js';

/** Some 100 MiB of it are alive; the rest is what V8 and the allocator keep for later use where memory is plenty. */
const MAX_RSS_MIB = 640;
const MIB = 1024 * 1024;
/** Enough to see what is going on; a broken run may have a million. */
const MAX_VIOLATIONS = 1000;

const ALL_CHECKS = [
  checkDatabase,
  checkMessages,
  checkModeration,
  checkStreams,
  checkOrder,
  checkDelivery,
  checkInstances,
] as const;

/**
 * Holds the record of a run against the promise: an accepted message is never lost, never doubled, never out of order.
 * Looks at nothing but its argument.
 *
 * @returns what breaks the promise, 1,000 at most; the worst kinds first, each in the order of time
 */
export function check(run: RunRecord): Violation[] {
  const index = new RunIndex(run);
  const found: Violation[] = [];
  for (const checks of ALL_CHECKS) {
    const own: Violation[] = [];
    for (const violation of checks(index)) if (own.push(violation) >= MAX_VIOLATIONS) break;
    found.push(...own.sort((a, b) => (a.t ?? Number.POSITIVE_INFINITY) - (b.t ?? Number.POSITIVE_INFINITY)));
  }
  return found.slice(0, MAX_VIOLATIONS);
}

function* checkInstances({ run }: RunIndex): Generator<Violation> {
  for (const { t, instance, rule, text } of run.instanceFaults) {
    yield { rule, t, text: `instance ${instance}: ${text}` };
  }
  for (const [number, bytes] of run.rssBytes.entries()) {
    if (bytes <= MAX_RSS_MIB * MIB) continue;
    const text = `instance ${number} took ${Math.round(bytes / MIB)} MiB, at most ${MAX_RSS_MIB} are allowed`;
    yield { rule: 'memory', t: null, text };
  }
}
