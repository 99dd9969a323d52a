import type { Connections } from './connections.js';
import type { Hub } from './hub.js';
import type { Metrics } from './metrics.js';
import type { MetricsSnapshot } from './metrics-text.js';
import type { Db } from './store/db.js';

/*
 * What a process tells of itself. An instance is one process or several workers; whichever of them is asked answers for
 * all, from the reports of each.
 */

export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'draining';
  /** Why it is not ready for clients; null: it is. */
  readonly notReady: string | null;
  readonly connections: number;
  /** Channels with a member connected. */
  readonly channelIds: readonly string[];
}

export interface StatsReport {
  readonly pid: number;
  readonly connections: number;
  /** See `Stats` of the REST contract. */
  readonly latencySeconds: { readonly bounds: readonly number[]; readonly counts: readonly number[] };
  readonly channels: readonly { readonly id: string; readonly connections: number; readonly lastSeq: number }[];
}

export interface Reports {
  readonly health: HealthReport;
  readonly stats: StatsReport;
  readonly metrics: MetricsSnapshot;
}

export type Reporters = { readonly [K in keyof Reports]: () => Promise<Reports[K]> };

interface Reported {
  readonly connections: Connections;
  readonly hub: Hub;
  readonly metrics: Metrics;
  readonly db: Db;
  /** Whether Redis answers; null where none is configured. */
  readonly redisUp: () => boolean | null;
  readonly isDraining: () => boolean;
  /** Why it must not run on the schema any more; null: it may. */
  readonly refusal: () => string | null;
}

/** What makes the reports of this process. */
export function makeReporters({ connections, hub, metrics, db, redisUp, isDraining, refusal }: Reported): Reporters {
  return {
    health: async () => {
      const databaseUp = await db.ping();
      const notReady = isDraining()
        ? 'this instance is draining'
        : !databaseUp
          ? 'the database does not answer'
          : redisUp() === false
            ? 'Redis does not answer'
            : refusal();
      return {
        status: isDraining() ? 'draining' : notReady === null ? 'ok' : 'degraded',
        notReady,
        connections: connections.size,
        channelIds: [...hub.channels()].map(({ id }) => id),
      };
    },
    stats: () => {
      const { bounds, counts } = metrics.latencySeconds();
      return Promise.resolve({
        pid: process.pid,
        connections: connections.size,
        latencySeconds: { bounds, counts },
        channels: [...hub.channels()].map(({ id, subscribers, lastSeq }) => ({
          id,
          connections: subscribers.size,
          lastSeq,
        })),
      });
    },
    metrics: async () => {
      metrics.connections.set(connections.size);
      const up = redisUp();
      metrics.redisUp.set(up === null ? -1 : Number(up));
      metrics.databaseUp.set(Number(await db.ping()));
      return await metrics.snapshot();
    },
  };
}
