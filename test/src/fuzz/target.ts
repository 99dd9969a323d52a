/** The instance that is fuzzed, and what must be true of it afterwards. */
import assert from 'node:assert/strict';
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import type { Channel, Health } from '@hubbub/protocol/rest.js';
import { ChatClient } from '../support/chat-client.js';
import type { HubbubProcess, LogLine } from '../support/hubbub.js';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';
import { SEED } from './pools.js';

export const V1 = '/api/v1/chat';
/** Level of errors in the log. */
const ERROR_LEVEL = 50;
/** Sockets of the measurement itself, and what Node opens for its own use. */
const FD_TOLERANCE = 10;
/**
 * What memory may grow by over the second half of the cases: the embedded database's pages and the heap's slack come in
 * steps of up to 60 MiB, after which five halves in a row added 1 MiB each at most.
 */
const MAX_GROWTH_BYTES = 96 * 1024 * 1024;
/** What the objects that are still in use may grow by, caches that fill up among them. */
const MAX_LIVE_GROWTH_BYTES = 8 * 1024 * 1024;
/** Makes the instance collect its garbage on a signal, and say what is left. */
const COLLECTOR = `process.on('SIGUSR2', () => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  console.log(JSON.stringify({ level: 20, msg: 'collected', heapUsed, external }));
});`;
const MIB = 1024 * 1024;
const CALM_TIMEOUT_MS = 20_000;

export interface Reading {
  readonly openFds: number;
  readonly residentBytes: number;
  /** JavaScript objects that are in use, in bytes. */
  readonly liveBytes: number;
  /** Memory outside of the heap, in bytes: above all the embedded database's. Swings by tens of megabytes. */
  readonly externalBytes: number;
  /** Processor time since the start of the instance, in seconds. */
  readonly cpuSeconds: number;
}

/** What to say of a case that failed: the seed makes it again. */
export function context(what: string, bytes: Uint8Array | string = ''): string {
  const shown = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  return `${what} (seed ${SEED})${shown === '' ? '' : `: ${JSON.stringify(shown.slice(0, 2500))}`}`;
}

export class Target {
  readonly url: string;
  readonly port: number;
  readonly #pair: Pair;
  readonly #process: HubbubProcess;
  readonly #pid: number;

  private constructor(pair: Pair) {
    this.#pair = pair;
    this.#process = pair.at(0);
    this.#pid = this.#process.pid;
    this.url = this.#process.url;
    this.port = Number(new URL(this.url).port);
  }

  /** @param env settings beside the defaults */
  static async start(env: Readonly<Record<string, string>>): Promise<Target> {
    const options = `--expose-gc --import=data:text/javascript,${encodeURIComponent(COLLECTOR)}`;
    return new Target(await startPair('embedded', { env: { ...env, NODE_OPTIONS: options } }));
  }

  /**
   * Tokens of `count` users, whose names begin with `prefix`. One after the other, so that no idle connections of the
   * preparation count among the descriptors that are open at the start.
   */
  async tokens(prefix: string, count: number): Promise<string[]> {
    const tokens: string[] = [];
    while (tokens.length < count) tokens.push(await this.#pair.token(`${prefix}-${tokens.length}`));
    return tokens;
  }

  /** A new channel of each of the users. */
  async channels(tokens: readonly string[]): Promise<string[]> {
    const ids: string[] = [];
    for (const token of tokens) ids.push(await this.channel(token));
    return ids;
  }

  async channel(token: string, body: object = {}): Promise<string> {
    const answer = await api(this.url, token).post<Channel>(
      `${V1}/channels`,
      { name: 'fuzz', ...body },
      { expect: 201 },
    );
    return answer.body.id;
  }

  /** @throws when an error was logged, or anything written that is no line of the log: Node's words on its end */
  assertNoErrors(): void {
    const errors = this.#process.logs.filter(({ level }) => typeof level === 'number' && level >= ERROR_LEVEL);
    assert.deepEqual(errors.slice(0, 3), [], context('errors were logged'));
    // The first line of the tail may be half a line.
    const others = this.#process.output
      .split('\n')
      .slice(1)
      .filter((line) => line !== '' && !line.startsWith('{'));
    assert.deepEqual(others, [], context('something other than the log was written'));
  }

  /** Waits until all clients are gone. @returns what it then holds of memory and descriptors */
  async calm(start?: Reading): Promise<Reading> {
    await until(async () => (await api(this.url).get<Health>(`${V1}/health`)).body.total_connections === 0, {
      timeoutMs: CALM_TIMEOUT_MS,
      message: context('all connections to be gone'),
    });
    if (start === undefined) return this.#read();
    return until(
      async () => {
        const reading = await this.#read();
        return reading.openFds <= start.openFds + FD_TOLERANCE && reading;
      },
      { timeoutMs: CALM_TIMEOUT_MS, intervalMs: 200, message: context('the file descriptors to be closed') },
    );
  }

  async #read(): Promise<Reading> {
    const { heapUsed, external } = await this.#collect();
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const metric = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return {
      openFds: metric('process_open_fds'),
      residentBytes: metric('process_resident_memory_bytes'),
      liveBytes: heapUsed,
      externalBytes: external,
      cpuSeconds: metric('process_cpu_seconds_total'),
    };
  }

  /** Has the instance collect its garbage. @returns what is left, in bytes */
  async #collect(): Promise<{ heapUsed: number; external: number }> {
    const { logs } = this.#process;
    const before = logs.findLast(isCollected);
    process.kill(this.#pid, 'SIGUSR2');
    return await until(
      () => {
        const last = logs.findLast(isCollected);
        return last !== before && last;
      },
      { timeoutMs: CALM_TIMEOUT_MS, message: 'the garbage to be collected' },
    );
  }

  /** @throws when the second half of the cases made the memory grow */
  assertNoGrowth(half: Reading, end: Reading): void {
    const assertBelow = (of: 'residentBytes' | 'liveBytes', limit: number) => {
      const grown = end[of] - half[of];
      const text = `${of} grew by ${Math.round(grown / MIB)} MiB from ${Math.round(half[of] / MIB)} MiB`;
      assert.ok(grown < limit, context(text));
    };
    assertBelow('residentBytes', MAX_GROWTH_BYTES);
    assertBelow('liveBytes', MAX_LIVE_GROWTH_BYTES);
  }

  /** @throws when it is another process than at the start, or two users cannot talk through it */
  async assertServes(): Promise<void> {
    assert.equal(this.#process.pid, this.#pid);
    const [one = '', other = ''] = await this.tokens('afterwards', 2);
    const channelId = await this.channel(one);
    const join = (token: string) =>
      ChatClient.connect({ url: this.url, path: `${V1}/channels/${channelId}/ws`, token });
    const [sender, reader] = await Promise.all([join(one), join(other)]);
    try {
      await Promise.all([sender.next('subscribed'), reader.next('subscribed')]);
      const said = (content: string) => (frame: ServerFrame) => frame.type === 'message' && frame.content === content;
      sender.send({ type: 'message', content: 'still there?' });
      await Promise.all([sender.next(said('still there?')), reader.next(said('still there?'))]);
      reader.send({ type: 'message', content: 'yes' });
      await Promise.all([sender.next(said('yes')), reader.next(said('yes'))]);
    } finally {
      await Promise.all([sender.close(), reader.close()]);
    }
  }

  /** @throws when it does not stop with code 0, or was in trouble on its way */
  async stop(): Promise<void> {
    await this.#pair.stop();
    this.assertNoErrors();
  }
}

interface Collected extends LogLine {
  readonly heapUsed: number;
  readonly external: number;
}

function isCollected(line: LogLine): line is Collected {
  return line.msg === 'collected';
}
