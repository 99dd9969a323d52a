/** A message that one client wants to get through. */
export interface OutMessage {
  readonly ch: number;
  readonly id: string;
  readonly size: number;
  /** How often it went out. */
  sends: number;
  /** Runs while the client waits to send it again. */
  retry: NodeJS.Timeout | null;
}

/** What a client has sent, and what of it was not answered yet. */
export class Outbox {
  readonly #open = new Map<string, OutMessage>();
  readonly #repeated = new Set<string>();
  /** What the ids of this client, and no others, begin with. */
  readonly #prefix: string;
  #count = 0;
  #lastSettled: string | null = null;

  /** @param c number of the client; with `seed` it makes ids that no other client or run has */
  constructor(seed: number, c: number) {
    this.#prefix = `${hex(seed >>> 0, 8)}-${hex(c, 4)}-4000-8000-`;
  }

  get size(): number {
    return this.#open.size;
  }

  get all(): readonly OutMessage[] {
    return [...this.#open.values()];
  }

  /** The message that was answered last; null: none was. */
  get lastSettled(): string | null {
    return this.#lastSettled;
  }

  newId(): string {
    return this.#prefix + hex(++this.#count, 12);
  }

  isOwn(id: string): boolean {
    return id.startsWith(this.#prefix);
  }

  /** A message that has to get through. */
  add(ch: number, size: number): OutMessage {
    const message: OutMessage = { ch, id: this.newId(), size, sends: 0, retry: null };
    this.#open.set(message.id, message);
    return message;
  }

  get(id: string): OutMessage | undefined {
    return this.#open.get(id);
  }

  ofChannel(ch: number): OutMessage[] {
    return this.all.filter((message) => message.ch === ch);
  }

  /** It goes out now, whatever was waited for. */
  sending(message: OutMessage): void {
    if (message.retry !== null) clearTimeout(message.retry);
    message.retry = null;
    if (++message.sends > 1) this.#repeated.add(message.id);
  }

  retryIn(message: OutMessage, waitMs: number, send: () => void): void {
    if (message.retry !== null) clearTimeout(message.retry);
    message.retry = setTimeout(() => {
      message.retry = null;
      send();
    }, waitMs);
  }

  /** It was answered for good. @returns false when it had been before, or is not of this client */
  settle(id: string): boolean {
    const message = this.#open.get(id);
    if (message === undefined) return false;
    if (message.retry !== null) clearTimeout(message.retry);
    this.#lastSettled = id;
    return this.#open.delete(id);
  }

  /** Whether a message of this client went out more than once. */
  wasRepeated(id: string | undefined): boolean {
    return id !== undefined && this.#repeated.has(id);
  }

  close(): void {
    for (const { retry } of this.#open.values()) if (retry !== null) clearTimeout(retry);
  }
}

function hex(number: number, digits: number): string {
  return number.toString(16).padStart(digits, '0');
}
