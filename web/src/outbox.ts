/**
 * Messages that this user wrote and that the server has not acknowledged yet.
 *
 * States of one message:
 *   queued  -> sending (handed to an open connection)
 *   sending -> gone (acknowledged) | failed (refused, or no answer in time) | queued (the connection was lost)
 *   failed  -> sending or queued (tried again) | gone (discarded)
 * Sending twice is safe: the server knows a message by the id that was chosen here.
 */

export interface Draft {
  /** The `message_id`, chosen here. */
  readonly id: string;
  readonly content: string;
  /** When it was written, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly state: 'queued' | 'sending' | 'failed';
  /** Why it failed, in plain words; empty otherwise. */
  readonly problem: string;
  /** Whether sending the same text again can help. */
  readonly canRetry: boolean;
}

/** Most messages that wait at a time. */
const MAX_WAITING = 50;

export class Outbox {
  readonly #drafts = new Map<string, Draft>();

  /** In the order in which they were written. */
  get drafts(): readonly Draft[] {
    return [...this.#drafts.values()];
  }

  get isFull(): boolean {
    return this.#drafts.size >= MAX_WAITING;
  }

  get(id: string): Draft | undefined {
    return this.#drafts.get(id);
  }

  add(id: string, content: string, atMs: number): Draft {
    const draft: Draft = { id, content, atMs, state: 'queued', problem: '', canRetry: true };
    this.#drafts.set(id, draft);
    return draft;
  }

  /** The message was handed to the connection, or waits for one. Nothing happens if it is gone already. */
  mark(id: string, state: 'queued' | 'sending'): void {
    this.#change(id, { state, problem: '', canRetry: true });
  }

  /** @returns false if the message is gone already, for instance because it was acknowledged after all */
  fail(id: string, problem: string, canRetry: boolean): boolean {
    return this.#change(id, { state: 'failed', problem, canRetry });
  }

  /** Takes a message out: it was acknowledged or discarded. */
  remove(id: string): Draft | undefined {
    const draft = this.#drafts.get(id);
    this.#drafts.delete(id);
    return draft;
  }

  #change(id: string, change: Partial<Draft>): boolean {
    const draft = this.#drafts.get(id);
    if (draft === undefined) return false;
    this.#drafts.set(id, { ...draft, ...change });
    return true;
  }
}
