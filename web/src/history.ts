/** A channel's messages as far as they are loaded: the newest ones from the connection, older ones by REST. */
import type { MessagePage } from '@hubbub/protocol/rest.js';
import { type Entry, entryFromMessage, Timeline } from './timeline.js';
import { inPlainWords, type Problem } from './words.js';

export interface HistoryOptions {
  /** Reads one page: the messages before `beforeSeq`. */
  readonly readPage: (beforeSeq: number, limit: number) => Promise<MessagePage>;
  readonly onChange: () => void;
}

const PAGE_SIZE = 50;
/** After a join, how long its messages are waited for before REST is asked for them, in milliseconds. */
const SETTLE_MS = 500;
/** Messages kept while the reader is at the newest ones, and the number past which the older ones are let go. */
const KEPT_AT_NEWEST = 300;
const TRIM_AT_NEWEST = 600;
/** Messages kept in any case. */
const MAX_KEPT = 5000;

export class History {
  readonly #options: HistoryOptions;
  readonly #timeline = new Timeline();
  /** Whether there may be messages before the oldest one here. */
  hasOlder = false;
  isLoading = false;
  /** Why the last page could not be read, in plain words; null if it could. */
  problem: string | null = null;
  /** The channel's place when it was joined: what comes after it is live. */
  #headSeq = 0;
  /** Raised when everything begins anew, so that an answer for the old state is left out. */
  #generation = 0;
  #isSettled = false;
  #settleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  get entries(): readonly Entry[] {
    return this.#timeline.entries;
  }

  /** Whether it is known that there is nothing to show. */
  get isEmpty(): boolean {
    return this.#isSettled && !this.hasOlder && this.#timeline.entries.length === 0;
  }

  /** The channel was joined for the first time, or too late to be resumed. @param headSeq the channel's place now */
  begin(headSeq: number): void {
    this.#generation += 1;
    this.#timeline.clear();
    this.isLoading = false;
    this.problem = null;
    this.hasOlder = headSeq > 0;
    this.#isSettled = headSeq === 0;
    this.resume(headSeq);
  }

  /** The channel was joined again: what was missed follows. @param headSeq the channel's place now */
  resume(headSeq: number): void {
    this.#headSeq = headSeq;
    clearTimeout(this.#settleTimer);
    this.#settleTimer = setTimeout(() => {
      this.#isSettled = true;
      this.#options.onChange();
    }, SETTLE_MS);
    this.#options.onChange();
  }

  /** @returns whether the message is both new here and live */
  add(entry: Entry): boolean {
    const isNew = this.#timeline.add(entry);
    // Until the newest one is here, the page that follows a join is not complete, and no older one is asked for.
    if (entry.seq >= this.#headSeq) this.#isSettled = true;
    this.#options.onChange();
    return isNew && entry.seq > this.#headSeq;
  }

  /** @param seq place of the message that was deleted */
  delete(seq: number): void {
    if (this.#timeline.delete(seq)) this.#options.onChange();
  }

  /** Reads the page before the oldest message. Does nothing while one is read or when there is none. */
  async loadOlder(): Promise<void> {
    if (this.isLoading || !this.hasOlder || !this.#isSettled) return;
    const generation = this.#generation;
    this.isLoading = true;
    this.problem = null;
    this.#options.onChange();
    try {
      // By place and not by the page's cursor: the newest page came over the WebSocket, and old ones may be let go.
      const page = await this.#options.readPage(this.#timeline.oldestSeq ?? this.#headSeq + 1, PAGE_SIZE);
      if (generation !== this.#generation) return;
      for (const message of page.messages) this.#timeline.add(entryFromMessage(message));
      this.hasOlder = page.cursor !== null && page.messages.length > 0;
    } catch (error) {
      if (generation === this.#generation) this.problem = inPlainWords(error as Problem);
    } finally {
      if (generation === this.#generation) this.isLoading = false;
      this.#options.onChange();
    }
  }

  /** Lets old messages go. @param isAtNewest whether the reader sees the newest ones */
  trim(isAtNewest: boolean): void {
    const isMuch = isAtNewest && this.#timeline.entries.length > TRIM_AT_NEWEST;
    if (this.#timeline.trim(isMuch ? KEPT_AT_NEWEST : MAX_KEPT) > 0) this.hasOlder = true;
  }

  close(): void {
    this.#generation += 1;
    clearTimeout(this.#settleTimer);
  }
}
