import type { Logger } from './log.js';

interface EpochWatchOptions {
  /** See `renewEpochIfBehind` of the store. */
  readonly renewIfBehind: (epoch: string, channelId: string, seq: number) => Promise<boolean>;
  /** Forgets all that was read from the database, and sends everyone away. */
  readonly reset: () => void;
  readonly log: Logger;
}

/**
 * What an instance does when its database turns out to be in another life, under the running instance: a backup was restored,
 * or a standby was promoted that did not have everything. Nothing that is held in memory is true then.
 */
export class EpochWatch {
  readonly #options: EpochWatchOptions;
  #settling: Promise<void> | null = null;

  constructor(options: EpochWatchOptions) {
    this.#options = options;
  }

  /** See `onOtherLife` of the hub; it may be called for each of many channels. */
  readonly noticed = (epoch: string, lost: { readonly channelId: string; readonly seq: number } | null): void => {
    const { log } = this.#options;
    this.#settling ??= this.#settle(epoch, lost)
      .catch((error) => log.warn({ err: String(error) }, 'A channel is behind what was delivered; looking again'))
      .finally(() => {
        this.#settling = null;
      });
  };

  async #settle(epoch: string, lost: { readonly channelId: string; readonly seq: number } | null): Promise<void> {
    const { renewIfBehind, reset, log } = this.#options;
    // Not so any more, or another instance was first: then the next comparison of heads finds its epoch.
    if (lost !== null && !(await renewIfBehind(epoch, lost.channelId, lost.seq))) return;
    const evidence = lost === null ? {} : { channel_id: lost.channelId, lost_seq: lost.seq };
    log.error({ epoch, ...evidence }, 'The database was set back: all clients are sent away and begin anew');
    reset();
  }
}
