/**
 * A reporter for `node --test-reporter`, loaded into the process of each test file. Errors are still objects there, with
 * stack, cause and difference; this makes text of them and hands everything to the runner.
 */
import { writeSync } from 'node:fs';
import { Transform } from 'node:stream';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { EVENT_FD, type ResultEvent, type RunEvent } from './events.js';

/** Lines of a stack that say nothing about the test. */
const NODE_INTERNAL = /^\s+at .*\(?node:internal\//;

interface Outcome {
  readonly name: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly duration_ms: number; readonly type?: string | undefined; readonly error?: unknown };
}

// The exit handlers of the test's own modules kill what it started; a bare signal would pass them by.
process.once('SIGTERM', () => process.exit(143));

/** Names from the outermost suite to the test that the latest events are about. */
const path: string[] = [];

export default new Transform({
  writableObjectMode: true,
  transform(event: TestEvent, _encoding, done) {
    onEvent(event);
    done();
  },
});

function onEvent({ type, data }: TestEvent): void {
  if (type === 'test:dequeue') tell({ kind: 'begun' });
  else if (type === 'test:complete') tell({ kind: 'ended' });
  else if (type === 'test:diagnostic') notice(data.message);
  else if (type === 'test:start') path.splice(data.nesting, path.length, data.name);
  else if (type === 'test:pass' || type === 'test:fail') tell(result(data));
}

function tell(event: RunEvent): void {
  writeSync(EVENT_FD, `${JSON.stringify(event)}\n`);
}

/** The other diagnostics are what a test said itself, and the sums that the runner makes for the whole run. */
function notice(message: string): void {
  if (message.startsWith('Error: ') || message.startsWith('Warning: ')) tell({ kind: 'notice', text: message });
}

function result(outcome: Outcome): ResultEvent {
  const { error, duration_ms, type } = outcome.details;
  return {
    kind: 'result',
    path: [...path.slice(0, outcome.nesting), outcome.name],
    isSuite: type === 'suite',
    durationMs: duration_ms,
    error: describe(outcome, error),
    onlyBelow: failureType(error) === 'subtestsFailed',
  };
}

function describe({ skip, todo }: Outcome, error: unknown): string | null {
  if (error !== undefined) return readable(error);
  if (skip !== undefined && skip !== false) return 'The test was skipped';
  return todo !== undefined && todo !== false ? 'The test is still to be written' : null;
}

/** Node.js wraps what a test threw; only a wrapper without such a cause speaks for itself. */
function readable(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const shown = cause instanceof Error && typeof cause.cause === 'string' ? cause.message : cause;
  const text = typeof shown === 'string' ? shown : inspect(shown, { depth: 6, maxStringLength: 20_000 });
  return text
    .split('\n')
    .filter((line) => !NODE_INTERNAL.test(line))
    .join('\n');
}

function failureType(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined;
}
