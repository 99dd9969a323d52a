/** The messages of one channel in their order, each once, however they came: live, by resume or by REST. */
import type { MessageFrame } from '@hubbub/protocol/frames.js';
import type { Message } from '@hubbub/protocol/rest.js';

/** A stored message. */
export interface Entry {
  readonly id: string;
  /** Place in the channel's one sequence. */
  readonly seq: number;
  readonly userId: string;
  readonly name: string;
  readonly content: string;
  /** When it was stored, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly isDeleted: boolean;
}

export function entryFromFrame(frame: MessageFrame): Entry {
  return {
    id: frame.message_id,
    seq: frame.seq,
    userId: frame.user_id,
    name: frame.display_name ?? frame.username,
    content: frame.content,
    atMs: Date.parse(frame.timestamp),
    isDeleted: frame.is_deleted === true,
  };
}

export function entryFromMessage(message: Message): Entry {
  return {
    id: message.id,
    seq: message.seq,
    userId: message.user_id,
    name: message.display_name ?? message.username,
    content: message.content,
    atMs: Date.parse(message.created_at),
    isDeleted: message.is_deleted,
  };
}

/** Deletions remembered for pages that were read before them and come after them. */
const MAX_DELETIONS = 500;

/** Ordered by `seq`, without doubles. */
export class Timeline {
  #entries: Entry[] = [];
  readonly #seqById = new Map<string, number>();
  readonly #deleted = new Set<number>();

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Place of the oldest message here, or null if there is none. */
  get oldestSeq(): number | null {
    return this.#entries[0]?.seq ?? null;
  }

  /**
   * Puts a message in its place.
   *
   * @returns whether it is new here. One that is here already changes nothing, unless it has been deleted meanwhile.
   */
  add(entry: Entry): boolean {
    const index = this.#indexOf(entry.seq);
    const present = this.#entries[index];
    if (present?.seq === entry.seq) {
      if (entry.isDeleted && !present.isDeleted) this.delete(entry.seq);
      return false;
    }
    if (this.#seqById.has(entry.id)) return false;
    this.#entries.splice(index, 0, this.#deleted.has(entry.seq) ? tombstone(entry) : entry);
    this.#seqById.set(entry.id, entry.seq);
    return true;
  }

  /**
   * Takes a message's content away and keeps its place.
   *
   * @param seq the message's place, not that of the deletion
   * @returns whether anything here changed
   */
  delete(seq: number): boolean {
    this.#deleted.add(seq);
    if (this.#deleted.size > MAX_DELETIONS) {
      for (const first of this.#deleted) {
        this.#deleted.delete(first);
        break;
      }
    }
    const index = this.#indexOf(seq);
    const present = this.#entries[index];
    if (present?.seq !== seq || present.isDeleted) return false;
    this.#entries[index] = tombstone(present);
    return true;
  }

  /**
   * Drops the oldest messages past `max`; they can be read back over REST.
   *
   * @returns how many were dropped
   */
  trim(max: number): number {
    const dropped = this.#entries.splice(0, Math.max(0, this.#entries.length - max));
    for (const entry of dropped) this.#seqById.delete(entry.id);
    return dropped.length;
  }

  clear(): void {
    this.#entries = [];
    this.#seqById.clear();
  }

  /** Where `seq` is or belongs. */
  #indexOf(seq: number): number {
    // Live messages belong at the end: no search for them.
    let high = this.#entries.length;
    const newest = this.#entries[high - 1];
    if (newest === undefined || newest.seq < seq) return high;
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function tombstone(entry: Entry): Entry {
  return { ...entry, content: '', isDeleted: true };
}
