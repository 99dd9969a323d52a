/** Runs one test file in a process of its own, and makes sure that this ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Child, cleanEnvironment, describeExit, type Exit } from '../support/processes.js';
import type { TestFile } from './discover.js';
import type { ResultEvent, RunEvent } from './events.js';

const REPORTER = pathToFileURL(`${import.meta.dirname}/reporter.js`).href;
const WATCH_INTERVAL_MS = 100;
/** How long processes that a test file has just told to end may take once it has ended itself. */
const LEFTOVER_GRACE_MS = 1000;

export interface FileLimits {
  /** Time that a test has when it does not set one itself, in milliseconds. */
  readonly testTimeoutMs: number;
  /** Time without a word after which the file counts as hung; above {@link testTimeoutMs}. A loop stops all timers. */
  readonly silenceMs: number;
  /** Time that the file has to end after its last test. */
  readonly lingerMs: number;
}

export const DEFAULT_LIMITS: FileLimits = { testTimeoutMs: 120_000, silenceMs: 300_000, lingerMs: 45_000 };

export interface FileResult {
  readonly file: TestFile;
  readonly durationMs: number;
  /** Results of tests, and of suites that failed for a reason of their own, in the order of the source. */
  readonly results: readonly ResultEvent[];
  /** What was wrong with the file as a whole; each counts as a failure. */
  readonly problems: readonly string[];
  /** The end of what it wrote. */
  readonly output: string;
}

/**
 * @param env further environment of the process
 * @param signal ends it, with all processes that it started
 * @returns when the process and all that it started have ended. Does not throw for what the file does
 */
export async function runFile(
  file: TestFile,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  limits: FileLimits = DEFAULT_LIMITS,
): Promise<FileResult> {
  const startedAtMs = performance.now();
  const run = new Run();
  const flags = [
    '--enable-source-maps',
    `--test-timeout=${limits.testTimeoutMs}`,
    `--test-reporter=${REPORTER}`,
    '--test-reporter-destination=stdout',
  ];
  const child = await Child.start(process.execPath, [...flags, file.compiled], {
    env: cleanEnvironment(env),
    ownGroup: true,
    onChannelLine: (line) => run.onEvent(JSON.parse(line)),
  });
  const stop = () => void child.stopGroup();
  signal.addEventListener('abort', stop);
  const problems: string[] = [];
  const hung = await watch(child, run, limits);
  if (hung !== null) problems.push(hung);
  const exit = await child.exited;
  const left = !signal.aborted && hung === null && (await hasLeftovers(child));
  if (left) problems.push('It left processes running that it had started');
  child.kill();
  await child.outputEnded;
  signal.removeEventListener('abort', stop);
  if (problems.length === 0) problems.push(...run.problems(exit));
  return {
    file,
    durationMs: performance.now() - startedAtMs,
    results: run.results,
    problems,
    output: child.tail,
  };
}

/** What a file has told so far. */
class Run {
  readonly results: ResultEvent[] = [];
  readonly #notices: string[] = [];
  #begun = 0;
  #ended = 0;
  #lastEventAtMs = performance.now();

  onEvent(event: RunEvent): void {
    this.#lastEventAtMs = performance.now();
    if (event.kind === 'begun') this.#begun++;
    else if (event.kind === 'ended') this.#ended++;
    else if (event.kind === 'notice') this.#notices.push(event.text);
    else if (!event.onlyBelow && (!event.isSuite || event.error !== null)) this.results.push(event);
  }

  get silentMs(): number {
    return performance.now() - this.#lastEventAtMs;
  }

  /** Whether there were tests and none is under way. */
  get idle(): boolean {
    return this.#ended > 0 && this.#begun === this.#ended;
  }

  /** What no test accounts for. */
  problems(exit: Exit): string[] {
    if (exit.code === 0 && this.results.length === 0) return ['It holds no test'];
    if (exit.code === 0 || this.results.some(({ error }) => error !== null)) return this.#notices;
    return [[`It ended with ${describeExit(exit)}`, ...this.#notices].join('\n')];
  }
}

/**
 * Kills a file that hangs.
 *
 * @returns when it has ended: null, or why it was killed
 */
async function watch(child: Child, run: Run, limits: FileLimits): Promise<string | null> {
  while (!child.ended) {
    if (run.silentMs > limits.silenceMs) {
      await child.stopGroup();
      return `It was killed: nothing was heard of it for ${limits.silenceMs / 1000} s`;
    }
    if (run.idle && run.silentMs > limits.lingerMs) {
      await child.stopGroup();
      return `It was killed: it had not ended ${limits.lingerMs / 1000} s after its last test, so something was left open`;
    }
    await Promise.race([child.exited, delay(WATCH_INTERVAL_MS)]);
  }
  return null;
}

async function hasLeftovers(child: Child): Promise<boolean> {
  const deadlineAtMs = performance.now() + LEFTOVER_GRACE_MS;
  while (child.groupAlive) {
    if (performance.now() > deadlineAtMs) return true;
    await delay(WATCH_INTERVAL_MS);
  }
  return false;
}
