import type { PolicyRow } from '../store/auto-moderation.js';
import { Policy } from './policy.js';

const MAX_CHANNELS = 20_000;
/** Words in the lists of all policies that are remembered; a word takes some 400 bytes. */
const MAX_WEIGHT = 200_000;
const NONE: PolicyRow['auto_moderation'] = {};

/**
 * The policies of channels, as far as this instance has looked. One that is out of date lets nothing through: a message is
 * stored, held or refused only under the version that the channel has then, see {@link Screening}.
 */
export class Policies {
  readonly #read: (channelId: string) => Promise<PolicyRow | null>;
  /** Least recently used first. */
  readonly #known = new Map<string, Policy>();
  readonly #reading = new Map<string, Promise<Policy>>();
  #weight = 0;

  /** @param read null: the channel is gone */
  constructor(read: (channelId: string) => Promise<PolicyRow | null>) {
    this.#read = read;
  }

  /** @returns a promise when it has to be read. @throws StorageUnavailable */
  get(channelId: string): Policy | Promise<Policy> {
    const known = this.#known.get(channelId);
    if (known === undefined) return this.#readOnce(channelId);
    this.#known.delete(channelId);
    this.#known.set(channelId, known);
    return known;
  }

  /** Reads it anew when it is asked for next. @param version the one that is out of date; a newer one stays */
  forget(channelId: string, version: number | null): void {
    const known = this.#known.get(channelId);
    if (known === undefined || known.version !== version) return;
    this.#known.delete(channelId);
    this.#weight -= known.weight;
  }

  /** Versions of all channels begin anew. */
  forgetAll(): void {
    this.#known.clear();
    this.#weight = 0;
  }

  #readOnce(channelId: string): Promise<Policy> {
    let reading = this.#reading.get(channelId);
    if (reading === undefined) {
      reading = this.#load(channelId).finally(() => this.#reading.delete(channelId));
      this.#reading.set(channelId, reading);
    }
    return reading;
  }

  async #load(channelId: string): Promise<Policy> {
    const row = await this.#read(channelId);
    const policy = new Policy({
      version: row?.policy_version ?? 0,
      rules: row?.auto_moderation ?? NONE,
      shield: row?.shield === true ? row.shield_profile : null,
    });
    // The journal says so of a channel that is gone; its id is not worth a place here.
    if (row === null) return policy;
    this.#known.set(channelId, policy);
    this.#weight += policy.weight;
    for (const [id, { weight }] of this.#known) {
      if (this.#known.size <= MAX_CHANNELS && this.#weight <= MAX_WEIGHT) break;
      this.#known.delete(id);
      this.#weight -= weight;
    }
    return policy;
  }
}
