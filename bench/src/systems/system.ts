import type { DialectName } from '../generator/dialect.js';
import type { NewClient } from '../generator/fleet.js';

/** Names of what is compared, as they stand in results. */
export type SystemName = 'hubbub' | 'raw ws' | 'socket.io' | 'flood';

/** A chat server under load, with what belongs to it. */
export interface System {
  readonly name: SystemName;
  readonly dialect: DialectName;
  /** Processes of the server alone. */
  readonly pids: readonly number[];
  /** Processes that it works with: PostgreSQL, Redis. */
  readonly helperPids: () => readonly number[];
  /** Where the server's processes can be looked into; none unless it was started for that. */
  readonly inspectorUrls: readonly string[];
  /** Makes channels. @returns their ids */
  createChannels(count: number): Promise<string[]>;
  /**
   * A client that is in these channels, on one connection.
   *
   * @param user number of the user; the same number is the same user
   * @param instance number of the instance, modulo how many there are
   */
  client(user: number, channelIds: readonly string[], instance?: number): NewClient;
  stop(): Promise<void>;
}
