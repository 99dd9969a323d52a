import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/**
 * Called with each text frame: its payload lies in `bytes` from `start` to `end`, and only until the call returns.
 * Nothing is parsed or copied for it.
 */
export type OnText = (bytes: Buffer, start: number, end: number) => void;

export interface RawSocketOptions {
  /** Address of this machine to connect from: one address has only so many ports. Default: the system's choice. */
  readonly localAddress?: string;
  /** Called when the socket is gone, also by {@link RawSocket.close}. */
  readonly onClose?: () => void;
}

/** The upgrade was answered; or refused, which the error tells. */
type OnHead = (error: Error | null) => void;

const MASK_BIT = 0x80;
const FIN_TEXT = 0x81;
const FIN_CLOSE = 0x88;
const FIN_PING = 0x89;
const FIN_PONG = 0x8a;
const LONGEST_HEADER = 10;

/** All sockets of a process read into this buffer, one after the other: a buffer for each read costs more than the read. */
const INPUT = Buffer.allocUnsafeSlow(256 * 1024);

/**
 * A WebSocket client for loads: it finds the frames in what it reads and does no more, so that thousands of them fit
 * into one process. It trusts the server; correctness tests use `ws`.
 */
export class RawSocket {
  readonly socket: Socket;
  readonly #onText: OnText;
  /** Beginning of a frame whose rest has not come yet, in the first `#held` bytes. */
  #partial: Buffer | null = null;
  #held = 0;
  #head: Buffer | null = Buffer.alloc(0);
  #onHead: OnHead;
  /** Close code that the server gave; null while open, or when the connection just ended. */
  closeCode: number | null = null;

  private constructor(url: string, token: string, onText: OnText, options: RawSocketOptions, onHead: OnHead) {
    const { hostname, port, pathname, search } = new URL(url);
    this.#onText = onText;
    this.#onHead = onHead;
    this.socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      onread: {
        buffer: INPUT,
        callback: (length: number) => {
          if (this.#head === null) this.#read(INPUT, length);
          else this.#readHead(length);
          return true;
        },
      },
    });
    this.socket.on('error', (error) => this.#onHead(error));
    this.socket.on('close', () => {
      this.#onHead(new Error('the connection ended before the upgrade'));
      options.onClose?.();
    });
    this.socket.once('connect', () => {
      const key = randomBytes(16).toString('base64');
      this.socket.write(
        `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
    });
  }

  /**
   * @param url `ws://host:port/path`
   * @returns once the server has answered 101
   * @throws Error with the status and body of any other answer
   */
  static open(url: string, token: string, onText: OnText, options: RawSocketOptions = {}): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const raw: RawSocket = new RawSocket(url, token, onText, options, (error) => {
        raw.#onHead = () => {};
        if (error === null) resolve(raw);
        else reject(error);
      });
    });
  }

  /** Sends one text frame. The mask is zero, which RFC 6455 allows and costs nothing. */
  send(text: string): void {
    this.#write(FIN_TEXT, Buffer.from(text));
  }

  close(): void {
    this.socket.destroy();
  }

  /** Ends the connection by a reset: unlike a close it leaves no port behind in TIME_WAIT. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  #write(opcode: number, payload: Buffer): void {
    const header =
      payload.length < 126
        ? Buffer.from([opcode, MASK_BIT | payload.length, 0, 0, 0, 0])
        : Buffer.from([opcode, MASK_BIT | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
    this.socket.write(Buffer.concat([header, payload]));
  }

  #readHead(length: number): void {
    const head = Buffer.concat([this.#head ?? Buffer.alloc(0), INPUT.subarray(0, length)]);
    this.#head = head;
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
      this.socket.destroy();
      this.#onHead(new Error(`the upgrade was refused: ${head.toString()}`));
      return;
    }
    this.#head = null;
    this.#onHead(null);
    const rest = head.subarray(end + 4);
    // Whoever waits for the answer gets the socket first, so that he can answer to what came along with it.
    if (rest.length > 0) queueMicrotask(() => this.#read(rest, rest.length));
  }

  #read(bytes: Buffer, length: number): void {
    let at = this.#partial === null ? 0 : this.#completeHeld(bytes, length);
    while (at < length) {
      const end = frameEnd(bytes, at, length);
      if (end > length) break;
      this.#onFrame(bytes, at, end);
      at = end;
    }
    if (at < length) this.#hold(bytes, at, length);
  }

  /** Adds to the frame that has begun. @returns how many bytes of the input belong to it */
  #completeHeld(bytes: Buffer, length: number): number {
    const partial = this.#partial ?? INPUT;
    const before = this.#held;
    // The header first, if even that is not whole; then as much as it says.
    const headerTaken = bytes.copy(partial, before, 0, Math.min(length, Math.max(0, LONGEST_HEADER - before)));
    const end = frameEnd(partial, 0, before + headerTaken);
    if (end === Number.POSITIVE_INFINITY) {
      this.#held = before + headerTaken;
      return length;
    }
    const whole =
      partial.length >= end ? partial : Buffer.concat([partial.subarray(0, before), Buffer.alloc(end - before)]);
    const taken = bytes.copy(whole, before, 0, Math.min(length, end - before));
    this.#held = before + taken;
    if (this.#held < end) {
      this.#partial = whole;
      return length;
    }
    this.#partial = null;
    this.#onFrame(whole, 0, end);
    return taken;
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    const end = frameEnd(bytes, from, to);
    const size = end === Number.POSITIVE_INFINITY ? LONGEST_HEADER : end - from;
    this.#partial = Buffer.allocUnsafe(Math.max(size, LONGEST_HEADER));
    this.#held = bytes.copy(this.#partial, 0, from, to);
  }

  #onFrame(bytes: Buffer, at: number, end: number): void {
    const short = (bytes[at + 1] ?? 0) & ~MASK_BIT;
    const start = at + (short < 126 ? 2 : short === 126 ? 4 : LONGEST_HEADER);
    const opcode = bytes[at];
    if (opcode === FIN_TEXT) this.#onText(bytes, start, end);
    else if (opcode === FIN_PING) this.#write(FIN_PONG, Buffer.from(bytes.subarray(start, end)));
    else if (opcode === FIN_CLOSE && end - start >= 2) {
      this.closeCode = bytes.readUInt16BE(start);
      this.#write(FIN_CLOSE, Buffer.from(bytes.subarray(start, start + 2)));
    }
  }
}

/** Where the frame at `at` ends; infinity as long as its header is not whole. */
function frameEnd(bytes: Buffer, at: number, length: number): number {
  if (length - at < 2) return Number.POSITIVE_INFINITY;
  const short = bytes[at + 1] ?? 0;
  if (short < 126) return at + 2 + short;
  if (short === 126) return length - at < 4 ? Number.POSITIVE_INFINITY : at + 4 + bytes.readUInt16BE(at + 2);
  return length - at < LONGEST_HEADER ? Number.POSITIVE_INFINITY : at + LONGEST_HEADER + bytes.readUInt32BE(at + 6);
}
