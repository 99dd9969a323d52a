import { RawSocket } from './raw-socket.js';

const MESSAGE = Buffer.from('{"type":"message"');
const SUBSCRIBED = Buffer.from('{"type":"subscribed"');
const COLON = 0x3a;
const ZERO = 0x30;

/** One client of a swarm: joins one channel and watches its sequence. */
export class Member {
  /** Last place seen; null before `subscribed`. */
  lastSeq: number | null = null;
  received = 0;
  /** The socket is gone. */
  ended = false;
  /** Code of the close frame that was read; null: none. */
  closeCode: number | null = null;
  /** What went against the promise: a gap, a double, a step back. */
  readonly faults: string[] = [];
  readonly #raw: Promise<RawSocket>;
  readonly #onMessage: ((text: string) => void) | null;
  readonly #resumedAfter: number;
  readonly subscribed: Promise<void>;
  #resolveSubscribed: () => void = () => {};
  #rejectSubscribed: (error: Error) => void = () => {};

  /**
   * @param url of the channel's WebSocket
   * @param onMessage called with the JSON of every message; null: only its seq is read, which is far cheaper
   */
  constructor(url: string, token: string, onMessage: ((text: string) => void) | null) {
    this.#onMessage = onMessage;
    this.#resumedAfter = Number(new URL(url).searchParams.get('last_seq'));
    this.subscribed = new Promise((resolve, reject) => {
      this.#resolveSubscribed = resolve;
      this.#rejectSubscribed = reject;
    });
    // Whoever opens it hears of it.
    this.subscribed.catch(() => {});
    this.#raw = RawSocket.open(url, token, (bytes, start, end) => this.#read(bytes, start, end));
    this.#raw.then(
      (raw) =>
        raw.socket.on('close', () => {
          this.ended = true;
          this.closeCode = raw.closeCode;
          this.#rejectSubscribed(new Error(`the connection ended with ${raw.closeCode} before it had joined`));
        }),
      () => {},
    );
  }

  /** @throws when the upgrade is refused, or the connection ends before it has joined */
  async open(): Promise<void> {
    await this.#raw;
    await this.subscribed;
  }

  async send(frame: object): Promise<void> {
    (await this.#raw).send(JSON.stringify(frame));
  }

  /** Stops to read, as a frozen client does; the socket stays open. */
  async pause(): Promise<void> {
    (await this.#raw).socket.pause();
  }

  async resume(): Promise<void> {
    (await this.#raw).socket.resume();
  }

  async close(): Promise<void> {
    (await this.#raw).close();
  }

  #read(bytes: Buffer, start: number, end: number): void {
    if (bytes.compare(MESSAGE, 0, MESSAGE.length, start, start + MESSAGE.length) !== 0) {
      if (bytes.compare(SUBSCRIBED, 0, SUBSCRIBED.length, start, start + SUBSCRIBED.length) === 0) {
        const { seq, recovered } = JSON.parse(bytes.toString('utf8', start, end)) as {
          seq: number;
          recovered: boolean;
        };
        // A resume is followed by what was missed, anything else by a page that may begin anywhere.
        this.lastSeq = recovered ? this.#resumedAfter : seq;
        this.#resolveSubscribed();
      }
      return;
    }
    const seq = seqOf(bytes, end);
    if (this.lastSeq === null || seq !== this.lastSeq + 1) this.faults.push(`${this.lastSeq} -> ${seq}`);
    this.lastSeq = seq;
    this.received++;
    this.#onMessage?.(bytes.toString('utf8', start, end));
  }
}

/** The number at the end of a message frame, `…"seq":123}`. */
function seqOf(bytes: Buffer, end: number): number {
  let at = end - 2;
  let seq = 0;
  for (let unit = 1; bytes[at] !== COLON; unit *= 10) seq += ((bytes[at--] ?? ZERO) - ZERO) * unit;
  return seq;
}
