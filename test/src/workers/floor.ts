/** What the tests of workers stand on: one instance of two workers, and a way to choose the worker. */
import type { Stats } from '@hubbub/protocol/rest.js';
import { Stage, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';

/** Where the workers meet. */
export const FLOORS = ['local bus', 'Redis'] as const;
export type Floor = (typeof FLOORS)[number];

/** Connections that are tried until the system gives one to the worker that is wanted: 2^-64 of failing. */
const MAX_TRIES = 64;

/** One instance of two workers. */
export class WorkersStage extends Stage {
  #admin: string | null = null;

  constructor(floor: Floor, env: Readonly<Record<string, string>> = {}) {
    const redis = floor === 'Redis' ? {} : { REDIS_URL: '' };
    super('cluster', { instances: 1, env: { HUBBUB_WORKERS: '2', ...redis, ...env } });
  }

  /** Statistics by whichever worker takes the request. */
  async stats(): Promise<Stats> {
    this.#admin ??= await this.pair.token('the-admin', { role: 'admin' });
    const headers = { connection: 'close' };
    const { body } = await api(this.instance(0).url, this.#admin).get<Stats>(`${V1}/stats`, { expect: 200, headers });
    return body;
  }

  /** Process ids of the workers, once both serve. */
  async workers(): Promise<[number, number]> {
    return await until(
      async () => {
        const [one, other] = (await this.stats()).workers.map(({ pid }) => pid).sort((a, b) => a - b);
        return one !== undefined && other !== undefined && ([one, other] as [number, number]);
      },
      { timeoutMs: 30_000, message: 'two workers' },
    );
  }

  /** A one-channel connection that the worker holds, its `subscribed` frame taken. Nobody else may come or go meanwhile. */
  async joinOn(worker: number, user: User, channelId: string, lastSeq?: number): Promise<ChatClient> {
    const held = async () => (await this.stats()).workers.find(({ pid }) => pid === worker)?.connections ?? 0;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const before = await held();
      const client = await user.join(channelId, lastSeq === undefined ? {} : { lastSeq });
      if ((await held()) > before) return client;
      await client.close();
    }
    throw new Error(`No connection went to the worker ${worker}`);
  }
}
