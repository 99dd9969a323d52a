/**
 * The books of a load: which messages the server has accepted, and which of them each client has received. A message is
 * known by its number, from 0.
 */
export class Ledger {
  accepted = 0;
  /** Messages that a client was sent more often than it should have been. */
  doubled = 0;
  readonly #accepted: BitSet;
  readonly #received: readonly BitSet[];

  /** @param messages at most, of all clients together */
  constructor(clients: number, messages: number) {
    this.#accepted = new BitSet(messages);
    this.#received = Array.from({ length: clients }, () => new BitSet(messages));
  }

  accept(message: number): void {
    if (this.#accepted.add(message)) this.accepted++;
  }

  /**
   * @param isAnswer it is the client's own: one that it has sent again, as its connection was lost, is answered again
   * @returns whether it is the first time
   */
  receive(client: number, message: number, isAnswer: boolean): boolean {
    const isFirst = this.#received[client]?.add(message) === true;
    if (!isFirst && !isAnswer) this.doubled++;
    return isFirst;
  }

  /** Deliveries of accepted messages. */
  get delivered(): number {
    return this.#received.reduce((sum, each) => sum + each.common(this.#accepted), 0);
  }

  /** Deliveries that are missing: of each accepted message to each client. */
  get lost(): number {
    return this.accepted * this.#received.length - this.delivered;
  }
}

class BitSet {
  readonly #bytes: Uint8Array;

  constructor(size: number) {
    this.#bytes = new Uint8Array(Math.ceil(size / 8));
  }

  /** @returns whether it was not there; false too for what is out of bounds */
  add(index: number): boolean {
    const byte = this.#bytes[index >> 3];
    const bit = 1 << (index & 7);
    if (byte === undefined || (byte & bit) !== 0) return false;
    this.#bytes[index >> 3] = byte | bit;
    return true;
  }

  /** How many are in both. */
  common(other: BitSet): number {
    let count = 0;
    for (const [index, byte] of this.#bytes.entries()) {
      for (let both = byte & (other.#bytes[index] ?? 0); both !== 0; both &= both - 1) count++;
    }
    return count;
  }
}
