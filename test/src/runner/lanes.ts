/** Which test files run beside each other, and in which order they start. */
import type { TestFile } from './discover.js';

/** What the files that run may take of the machine, in cores: with more, the timing of each is a matter of the others. */
const CORES = 2;

/**
 * Files that mostly wait: for a heartbeat to lapse, a Redis that is away to be noticed, a token to end. Each uses less
 * than half a core, so that two of them load the machine no more than any other file does. Whatever is not named here
 * counts as a whole core: a new file is on the safe side, and so are those with programs that have a second to answer
 * (Sentinel, Redis Cluster, Prometheus). Those that take longest come first.
 */
const WAITING = [
  'test/src/faults/redis.test.ts',
  'test/src/contract/presence.test.ts',
  'test/src/faults/postgres.test.ts',
  'test/src/ui/restart.test.ts',
  'test/src/faults/instances.test.ts',
  'test/src/client/faults.test.ts',
  'test/src/faults/clocks.test.ts',
  'test/src/deploy/operations.test.ts',
  'test/src/security/slow-clients.test.ts',
  'test/src/faults/cluster-wide.test.ts',
];

/** Parts of the paths of files that take long, too. */
const LONG = ['test/src/torture/torture.', 'test/src/workers/', 'test/src/'];

/** The order in which files start. The short ones come last: the end of a run waits for whatever started last. */
export function inOrder(files: readonly TestFile[]): TestFile[] {
  return files.toSorted((a, b) => rank(a) - rank(b));
}

/** Takes out of `queue` the first that may start beside those that run. @returns undefined when none may */
export function takeNext(queue: TestFile[], running: Iterable<TestFile>): TestFile | undefined {
  const left = [...running].reduce((cores, file) => cores - coresOf(file), CORES);
  const index = queue.findIndex((file) => coresOf(file) <= left);
  return index === -1 ? undefined : queue.splice(index, 1)[0];
}

function rank({ source }: TestFile): number {
  const known = [...WAITING, ...LONG];
  const index = known.findIndex((part) => source.startsWith(part));
  return index === -1 ? known.length : index;
}

function coresOf({ source }: TestFile): number {
  return WAITING.includes(source) ? 0.5 : 1;
}
