import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { Child, cleanEnvironment } from '@hubbub/test/support/processes.js';
import type { NewClient } from '../generator/fleet.js';
import { INSPECT_OPTION, inspectorUrlOf } from '../machine/inspector.js';
import { pin } from '../machine/pin.js';
import type { Servers } from './servers.js';
import type { System } from './system.js';

const ENTRIES = {
  'raw ws': entry('./raw-baseline.js'),
  'socket.io': entry('./socket-io-peer.js'),
  flood: entry('./flood-writer.js'),
};
const START_TIMEOUT_MS = 20_000;

/** A server of this folder that Hubbub is compared with; all of them print `listening on <port>`. */
export class Peer implements System {
  readonly name: 'raw ws' | 'socket.io' | 'flood';
  readonly helperPids: () => readonly number[];
  readonly inspectorUrls: readonly string[];
  readonly #child: Child;
  readonly #port: number;

  private constructor(
    parts: Pick<Peer, 'name' | 'helperPids' | 'inspectorUrls'> & { readonly child: Child; readonly port: number },
  ) {
    this.name = parts.name;
    this.helperPids = parts.helperPids;
    this.inspectorUrls = parts.inspectorUrls;
    this.#child = parts.child;
    this.#port = parts.port;
  }

  /** @param inspected whether its memory can be looked into. Default false */
  static async start(servers: Servers, name: Peer['name'], inspected = false): Promise<Peer> {
    const redis = name === 'socket.io' ? await servers.redis() : null;
    const child = await Child.start(process.execPath, [...(inspected ? [INSPECT_OPTION] : []), ENTRIES[name]], {
      env: cleanEnvironment({ NODE_ENV: 'production', REDIS_URL: redis?.url }),
    });
    const port = await child.waitForLine((line) => /^listening on (\d+)$/.exec(line)?.[1], START_TIMEOUT_MS);
    const { server } = servers.placement;
    if (server !== null) pin(child.pid, server);
    return new Peer({
      name,
      child,
      port: Number(port),
      helperPids: () => (redis === null ? [] : [redis.pid]),
      inspectorUrls: inspected ? [inspectorUrlOf(child.tail)] : [],
    });
  }

  get dialect(): 'hubbub' | 'socket.io' {
    return this.name === 'socket.io' ? 'socket.io' : 'hubbub';
  }

  get pids(): number[] {
    return [this.#child.pid];
  }

  /** Any id is a channel here. */
  async createChannels(count: number): Promise<string[]> {
    return Array.from({ length: count }, () => randomUUID());
  }

  client(user: number, channelIds: readonly string[]): NewClient {
    const query = `channels=${channelIds.join(',')}&user=u${String(user).padStart(6, '0')}`;
    const path = this.name === 'socket.io' ? '/socket.io/?EIO=4&transport=websocket&' : '/?';
    return { url: `ws://127.0.0.1:${this.#port}${path}${query}`, token: '', channelIds, joins: false };
  }

  async stop(): Promise<void> {
    await this.#child.stop('SIGTERM', 2000);
  }
}

function entry(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
