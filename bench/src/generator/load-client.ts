import { RawSocket } from '@hubbub/test/swarm/raw-socket.js';
import { nowUs } from './clock.js';
import type { Dialect } from './dialect.js';
import { Histogram } from './histogram.js';

/** Content of a message: when it was sent, by whom, and filling to the length of a usual line of chat. */
const STAMP_DIGITS = 13;
const SENDER_DIGITS = 6;
const CONTENT_CHARS = 64;
const FILLING = 'lorem ipsum dolor sit amet consectetur adipiscing'.slice(
  0,
  CONTENT_CHARS - STAMP_DIGITS - SENDER_DIGITS,
);
const CONTENT_KEY = '"content":"';
const COLON = 0x3a;
const QUOTE = 0x22;
const ZERO = 0x30;
/** The last eight digits of a UUID are random in every version. */
const KEY_AT = 28;
const MAX_FAULTS = 5;

/** Where a client connects, and as whom. */
export interface ClientOrder {
  readonly url: string;
  readonly token: string;
  /** Number of the client over all generators; stands in its messages. */
  readonly number: number;
  readonly localAddress: string | null;
  /** Channels that it is in. On a URL of one channel that one; else they are joined by frames. */
  readonly channelIds: readonly string[];
  /** The URL does not name the channel. */
  readonly joins: boolean;
}

/** What all clients of a generator count together. */
export interface Tally {
  delivered: number;
  /** Frames that are not messages, such as presence, and their bytes. */
  otherFrames: number;
  otherBytes: number;
  readonly latencies: Histogram;
  /** Every so many messages of a client is timed; a power of two. */
  sampleEvery: number;
  /** Messages that were answered with an error, by channel: they are nowhere, and their senders know it. */
  readonly refused: Map<string, number>;
  /** What went wrong, the first few of it in words. */
  faults: number;
  readonly faultTexts: string[];
}

/** A tally of nothing yet, which times every message. */
export function newTally(): Tally {
  return {
    delivered: 0,
    otherFrames: 0,
    otherBytes: 0,
    latencies: new Histogram(),
    sampleEvery: 1,
    refused: new Map(),
    faults: 0,
    faultTexts: [],
  };
}

/** One client under load: it follows the sequence of its channels, times some messages, and parses nothing. */
export class LoadClient {
  received = 0;
  /** Called when a message of its own has come back. */
  onOwn: (() => void) | null = null;
  /** Not connected, and it should not be. */
  away = false;
  readonly order: ClientOrder;
  readonly #dialect: Dialect;
  readonly #tally: Tally;
  /** Last place seen of each channel; -1: the next one is the first. */
  readonly #seqs: number[];
  /** Last eight hexadecimal digits of each channel's id, as a number. */
  readonly #keys: readonly number[];
  #raw: RawSocket | null = null;
  #unjoined = 0;
  #onJoined: (() => void) | null = null;
  #contentAt = 0;

  constructor(order: ClientOrder, dialect: Dialect, tally: Tally) {
    this.order = order;
    this.#dialect = dialect;
    this.#tally = tally;
    this.#seqs = order.channelIds.map(() => -1);
    this.#keys = order.channelIds.map((id) => Number.parseInt(id.slice(KEY_AT), 16));
  }

  /**
   * Connects, and settles when all channels are joined.
   *
   * @param resume asks for what was missed since the last connection; a one-channel URL only
   * @throws when the upgrade is refused or the connection ends before
   */
  async open(resume = false): Promise<void> {
    const { url, token, localAddress, channelIds, joins } = this.order;
    this.away = false;
    this.#unjoined = channelIds.length;
    const joined = new Promise<void>((resolve) => {
      this.#onJoined = resolve;
    });
    let lost: (error: Error) => void = () => {};
    const ended = new Promise<never>((_, reject) => {
      lost = reject;
    });
    ended.catch(() => {});
    const resumed = resume ? `${url.includes('?') ? '&' : '?'}last_seq=${this.#seqs[0]}` : '';
    const raw = await RawSocket.open(`${url}${resumed}`, token, (bytes, start, end) => this.#read(bytes, start, end), {
      ...(localAddress === null ? {} : { localAddress }),
      onClose: () => {
        lost(new Error(`the connection ended with ${this.#raw?.closeCode ?? 'no code'}`));
        if (!this.away) this.#fault(`client ${this.order.number} lost its connection (${this.#raw?.closeCode})`);
      },
    });
    this.#raw = raw;
    if (joins) for (const id of channelIds) raw.send(`{"type":"join","channel_id":"${id}"}`);
    await Promise.race([joined, ended]);
  }

  /** Sends one message, stamped with the time right before. @param channel index of one of its channels */
  send(channel = 0): void {
    const stamp = String(Math.floor(nowUs())).padStart(STAMP_DIGITS, '0');
    const sender = String(this.order.number).padStart(SENDER_DIGITS, '0');
    const text = this.#dialect.encodeMessage(this.order.channelIds[channel] ?? '', `${stamp}${sender}${FILLING}`);
    this.#raw?.send(text);
  }

  /** Drops the connection without a word. */
  drop(): void {
    this.away = true;
    this.#raw?.reset();
    this.#raw = null;
  }

  #read(bytes: Buffer, start: number, end: number): void {
    if (!this.#dialect.isMessage(bytes, start)) {
      this.#readOther(bytes, start, end);
      return;
    }
    const seq = seqBefore(bytes, end - this.#dialect.tailBytes);
    const channel =
      this.#seqs.length === 1 ? 0 : this.#keys.indexOf(keyAt(bytes, start + this.#dialect.channelAt + KEY_AT));
    const last = this.#seqs[channel] ?? -1;
    if (last >= 0 && seq !== last + 1) this.#fault(`client ${this.order.number} saw ${last}, then ${seq}`);
    this.#seqs[channel] = seq;
    this.received++;
    const tally = this.#tally;
    tally.delivered++;
    const sampled = ((seq + this.order.number) & (tally.sampleEvery - 1)) === 0;
    if (!sampled && this.onOwn === null) return;
    const at = this.#findContent(bytes, start);
    if (sampled) tally.latencies.record(nowUs() - numberAt(bytes, at, STAMP_DIGITS));
    if (this.onOwn !== null && numberAt(bytes, at + STAMP_DIGITS, SENDER_DIGITS) === this.order.number) this.onOwn();
  }

  /** All frames of a system are alike up to their content, so where it is has to be looked for only once. */
  #findContent(bytes: Buffer, start: number): number {
    const known = start + this.#contentAt;
    if (this.#contentAt > 0 && bytes[known - 1] === QUOTE && bytes[known - 2] === COLON) return known;
    const at = bytes.indexOf(CONTENT_KEY, start) + CONTENT_KEY.length;
    this.#contentAt = at - start;
    return at;
  }

  #readOther(bytes: Buffer, start: number, end: number): void {
    this.#tally.otherFrames++;
    this.#tally.otherBytes += end - start;
    const signal = this.#dialect.readOther(bytes, start, end);
    if (signal === null) return;
    if (signal.kind === 'error') this.#onError(signal.channelId, signal.text);
    else if (signal.kind === 'answer') this.#raw?.send(signal.text);
    else if (signal.kind === 'joined all') this.#onJoined?.();
    else this.#joined(signal.channelId, signal.seq);
  }

  #joined(channelId: string, seq: number): void {
    const channel = this.order.channelIds.indexOf(channelId);
    // After a resume the sequence goes on where it was left, and a gap in it shows.
    if ((this.#seqs[channel] ?? -1) < 0) this.#seqs[channel] = seq;
    this.#unjoined--;
    if (this.#unjoined === 0) this.#onJoined?.();
  }

  #onError(channelId: string | null, text: string): void {
    const { refused } = this.#tally;
    if (channelId === null) this.#fault(text);
    else refused.set(channelId, (refused.get(channelId) ?? 0) + 1);
  }

  #fault(text: string): void {
    this.#tally.faults++;
    if (this.#tally.faultTexts.length < MAX_FAULTS) this.#tally.faultTexts.push(text);
  }
}

/** The number that ends before `end`. */
function seqBefore(bytes: Buffer, end: number): number {
  let at = end - 1;
  let seq = 0;
  for (let unit = 1; bytes[at] !== COLON; unit *= 10) seq += ((bytes[at--] ?? ZERO) - ZERO) * unit;
  return seq;
}

function numberAt(bytes: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index++) value = value * 10 + ((bytes[index] ?? ZERO) - ZERO);
  return value;
}

/** Eight lower-case hexadecimal digits as a number. */
function keyAt(bytes: Buffer, at: number): number {
  let key = 0;
  for (let index = at; index < at + 8; index++) {
    const digit = bytes[index] ?? ZERO;
    key = key * 16 + (digit < 0x3a ? digit - ZERO : digit - 0x57);
  }
  return key;
}
