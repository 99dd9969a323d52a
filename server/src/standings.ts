import type { Logger } from './log.js';
import type { ChannelStandings, StandingRow } from './store/people.js';

/** Someone in a channel, who may lose his right to be there. */
interface Stander {
  readonly userId: string;
  /** How he stands in the channel now, read anew; null: the channel is gone, or he is. */
  onStanding(channelId: string, standing: StandingRow | null, channelType: 'public' | 'private'): void;
}

interface StandingsOptions<S extends Stander> {
  readonly channelId: string;
  /** Version of the channel up to which everyone's standing is known to be true. */
  readonly version: number;
  /** Everyone in the channel, as of the moment. */
  readonly everyone: () => Iterable<S>;
  readonly read: (channelId: string, userIds: readonly string[]) => Promise<ChannelStandings | null>;
  readonly log: Logger;
}

/**
 * How the people of one channel on this instance stand in it. Changes come as notes, each with the version of the channel
 * after it; when one was missed, or may have been, everyone is looked at anew in the database.
 */
export class Standings<S extends Stander> {
  readonly #options: StandingsOptions<S>;
  #version: number;
  #verifying: Promise<void> | null = null;

  constructor(options: StandingsOptions<S>) {
    this.#options = options;
    this.#version = options.version;
  }

  /** Version of the channel up to which everyone's standing is known to be true. */
  get version(): number {
    return this.#version;
  }

  /** Takes in that a change was told of. @returns false when one before it was not: nothing is taken in then */
  follow(version: number): boolean {
    if (version > this.#version + 1) return false;
    this.#version = Math.max(this.#version, version);
    return true;
  }

  /** Looks at everyone's standing anew. One at a time; should it fail, the next comparison of heads tries again. */
  verifyAll(): void {
    this.#verifying ??= this.#verifyEveryone()
      .catch((error) => this.#warn(error))
      .finally(() => {
        this.#verifying = null;
      });
  }

  /** Looks anew at one who is in already; should it fail he stays, and the next comparison of heads tries again. */
  async verifyLate(one: S, knownVersion: number): Promise<void> {
    try {
      await this.#verify([one]);
    } catch (error) {
      this.#warn(error);
      this.#version = Math.min(this.#version, knownVersion);
    }
  }

  async #verifyEveryone(): Promise<void> {
    const { everyone } = this.#options;
    const verified = new Set<S>();
    let version = Number.POSITIVE_INFINITY;
    // Who joined while the others were looked at is looked at too: the version that is reached is to hold for all.
    for (let rest = [...everyone()]; rest.length > 0; ) {
      version = Math.min(version, await this.#verify(rest));
      for (const one of rest) verified.add(one);
      rest = [...everyone()].filter((one) => !verified.has(one));
    }
    if (version < Number.POSITIVE_INFINITY) this.#version = Math.max(this.#version, version);
  }

  /** @returns version of the channel under which they were looked at; infinity: it is gone, and they with it */
  async #verify(people: readonly S[]): Promise<number> {
    const { channelId, read } = this.#options;
    const userIds = new Set(people.map(({ userId }) => userId));
    const standings = await read(channelId, [...userIds]);
    for (const one of people) {
      const standing = standings?.users.get(one.userId) ?? null;
      one.onStanding(channelId, standing, standings?.channelType ?? 'public');
    }
    return standings?.accessVersion ?? Number.POSITIVE_INFINITY;
  }

  #warn(error: unknown): void {
    const { channelId, log } = this.#options;
    log.warn({ channel_id: channelId, err: String(error) }, 'Standings could not be read; trying again');
  }
}
