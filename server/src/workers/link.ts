import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';

/*
 * What travels between the primary and a worker, on the pipe that the worker is born with:
 *
 *   0  u32  bytes that follow
 *   4  u8   kind
 *   5       batch:           u8 bytes of the channel's id, the id, the batch as on any other bus
 *           call:            u32 number, then [name, ...arguments]
 *           answer, failure: u32 number, then the value, or the error's message
 *
 * Values are in V8's own serialisation: both ends are the same program. A pipe and not a socket in the file system:
 * nobody else can open it, nothing of it is left behind, and its end is the end of the process behind it.
 */

const HEAD_BYTES = 5;
const NUMBER_BYTES = 4;
const KIND = { batch: 1, call: 2, answer: 3, failure: 4 } as const;
/** Batches are dropped while so many bytes wait for the other end: it reads the database when it comes to itself. */
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;
const CALL_DEADLINE_MS = 5000;
const SWEEP_INTERVAL_MS = 1000;

/** Functions of one end that the other may call, by name. Arguments and values are plain data, Maps and Sets. */
export type Calls<T> = { readonly [K in keyof T]: (...args: never[]) => unknown };

type Value<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;

interface LinkOptions<Own> {
  /** What the other end may call. What is thrown becomes an Error with the same message there. */
  readonly own: Own;
  /** @param frame the batch as it came, to be passed on by {@link Link.relay}; `bytes` is its end */
  readonly onBatch: (channelId: string, bytes: Buffer, frame: Buffer) => void;
  /** Called when everything that had piled up is sent. */
  readonly onDrain: () => void;
  /** Called once, when the other end is gone. */
  readonly onClose: () => void;
}

interface PendingCall {
  readonly atMs: number;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** One end of the link between the primary and a worker. Everything arrives in the order in which it was sent. */
export class Link<Own extends Calls<Own>, Theirs extends Calls<Theirs>> {
  readonly #stream: Duplex;
  readonly #options: LinkOptions<Own>;
  readonly #pending = new Map<number, PendingCall>();
  readonly #sweep: NodeJS.Timeout;
  #calls = 0;
  #chunks: Buffer[] = [];
  #have = 0;
  #need = HEAD_BYTES;

  constructor(stream: Duplex, options: LinkOptions<Own>) {
    this.#stream = stream;
    this.#options = options;
    stream.on('data', (chunk: Buffer) => this.#read(chunk));
    stream.on('drain', options.onDrain);
    stream.on('error', () => {});
    stream.once('close', () => this.#end());
    this.#sweep = setInterval(() => this.#dropOverdue(), SWEEP_INTERVAL_MS);
    this.#sweep.unref();
  }

  get open(): boolean {
    return !this.#stream.destroyed;
  }

  /** @returns false when the batch was dropped */
  sendBatch(channelId: string, bytes: Buffer): boolean {
    const idBytes = Buffer.byteLength(channelId);
    const frame = Buffer.allocUnsafe(HEAD_BYTES + 1 + idBytes + bytes.length);
    writeHead(frame, KIND.batch);
    frame[HEAD_BYTES] = idBytes;
    frame.write(channelId, HEAD_BYTES + 1);
    bytes.copy(frame, HEAD_BYTES + 1 + idBytes);
    return this.relay(frame);
  }

  /** Passes a batch on as it came from another link. @returns false when it was dropped */
  relay(frame: Buffer): boolean {
    if (!this.open || this.#stream.writableLength > MAX_UNSENT_BYTES) return false;
    this.#stream.write(frame);
    return true;
  }

  /** @throws what the other end threw; Error when it is gone, or has not answered within 5 s */
  call<K extends keyof Theirs & string>(name: K, ...args: Parameters<Theirs[K]>): Promise<Value<Theirs[K]>> {
    if (!this.open) return Promise.reject(new Error('The link is closed'));
    const number = (this.#calls + 1) % 2 ** 32;
    this.#calls = number;
    return new Promise<Value<Theirs[K]>>((resolve, reject) => {
      this.#pending.set(number, { atMs: Date.now(), resolve: resolve as PendingCall['resolve'], reject });
      this.#send(KIND.call, number, [name, ...args]);
    });
  }

  close(): void {
    this.#stream.destroy();
  }

  #send(kind: number, number: number, value: unknown): void {
    if (!this.open) return;
    const body = serialize(value);
    const frame = Buffer.allocUnsafe(HEAD_BYTES + NUMBER_BYTES + body.length);
    writeHead(frame, kind);
    frame.writeUInt32BE(number, HEAD_BYTES);
    body.copy(frame, HEAD_BYTES + NUMBER_BYTES);
    this.#stream.write(frame);
  }

  #read(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    // Joined only when a frame is whole: a large one comes in hundreds of chunks.
    if (this.#have < this.#need) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    this.#need = HEAD_BYTES;
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) {
        this.#need = end - at;
        break;
      }
      this.#take(bytes.subarray(at, end));
      at = end;
    }
    this.#chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.#have = bytes.length - at;
  }

  #take(frame: Buffer): void {
    const kind = frame[HEAD_BYTES - 1];
    if (kind === KIND.batch) {
      const bytesAt = HEAD_BYTES + 1 + (frame[HEAD_BYTES] ?? 0);
      this.#options.onBatch(frame.toString('utf8', HEAD_BYTES + 1, bytesAt), frame.subarray(bytesAt), frame);
      return;
    }
    const number = frame.readUInt32BE(HEAD_BYTES);
    const value: unknown = deserialize(frame.subarray(HEAD_BYTES + NUMBER_BYTES));
    if (kind === KIND.call) void this.#answer(number, value as [keyof Own, ...never[]]);
    else this.#settle(number, kind === KIND.answer, value);
  }

  async #answer(number: number, [name, ...args]: [keyof Own, ...never[]]): Promise<void> {
    try {
      this.#send(KIND.answer, number, await this.#options.own[name](...args));
    } catch (error) {
      this.#send(KIND.failure, number, error instanceof Error ? error.message : String(error));
    }
  }

  #settle(number: number, answered: boolean, value: unknown): void {
    const call = this.#pending.get(number);
    if (call === undefined) return;
    this.#pending.delete(number);
    if (answered) call.resolve(value as never);
    else call.reject(new Error(String(value)));
  }

  #dropOverdue(): void {
    const overdueAtMs = Date.now() - CALL_DEADLINE_MS;
    for (const [number, call] of this.#pending) {
      if (call.atMs > overdueAtMs) return;
      this.#pending.delete(number);
      call.reject(new Error('The other process did not answer in time'));
    }
  }

  #end(): void {
    clearInterval(this.#sweep);
    for (const call of this.#pending.values()) call.reject(new Error('The other process is gone'));
    this.#pending.clear();
    this.#options.onClose();
  }
}

function writeHead(frame: Buffer, kind: number): void {
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[HEAD_BYTES - 1] = kind;
}
