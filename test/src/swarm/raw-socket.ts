import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** Called with each text frame: `payload` lies in `bytes` from `start` to `end`. Nothing is parsed or copied for it. */
export type OnText = (bytes: Buffer, start: number, end: number) => void;

const MASK_BIT = 0x80;
const FIN_TEXT = 0x81;
const FIN_CLOSE = 0x88;
const FIN_PING = 0x89;
const FIN_PONG = 0x8a;

/**
 * A WebSocket client for loads: it finds the frames in what it reads and does no more, so that thousands of them fit
 * into one process. It trusts the server; correctness tests use `ws`.
 */
export class RawSocket {
  readonly socket: Socket;
  readonly #onText: OnText;
  #rest: Buffer | null = null;
  /** Close code that the server gave; null while open, or when the connection just ended. */
  closeCode: number | null = null;

  private constructor(socket: Socket, onText: OnText) {
    this.socket = socket;
    this.#onText = onText;
  }

  /**
   * @param url `ws://host:port/path`
   * @returns once the server has answered 101
   * @throws Error with the status and body of any other answer
   */
  static open(url: string, token: string, onText: OnText): Promise<RawSocket> {
    const { hostname, port, pathname, search } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.setNoDelay(true);
      socket.once('error', reject);
      socket.once('connect', () => {
        const key = randomBytes(16).toString('base64');
        socket.write(
          `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        );
      });
      let head = Buffer.alloc(0);
      const onHead = (chunk: Buffer) => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', onHead);
        socket.off('error', reject);
        socket.on('error', () => {});
        if (!head.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
          socket.destroy();
          reject(new Error(`the upgrade was refused: ${head.toString()}`));
          return;
        }
        const raw = new RawSocket(socket, onText);
        resolve(raw);
        socket.on('data', (bytes) => raw.#read(bytes));
        if (head.length > end + 4) raw.#read(head.subarray(end + 4));
      };
      socket.on('data', onHead);
    });
  }

  /** Sends one text frame. The mask is zero, which RFC 6455 allows and costs nothing. */
  send(text: string): void {
    this.#write(FIN_TEXT, Buffer.from(text));
  }

  close(): void {
    this.socket.destroy();
  }

  #write(opcode: number, payload: Buffer): void {
    const header =
      payload.length < 126
        ? Buffer.from([opcode, MASK_BIT | payload.length, 0, 0, 0, 0])
        : Buffer.from([opcode, MASK_BIT | 126, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
    this.socket.write(Buffer.concat([header, payload]));
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = null;
    let at = 0;
    while (bytes.length - at >= 2) {
      let length = bytes[at + 1] ?? 0;
      let start = at + 2;
      if (length === 126) {
        if (bytes.length < at + 4) break;
        length = bytes.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === 127) {
        if (bytes.length < at + 10) break;
        length = bytes.readUInt32BE(at + 6);
        start = at + 10;
      }
      const end = start + length;
      if (end > bytes.length) break;
      if (bytes[at] === FIN_TEXT) this.#onText(bytes, start, end);
      else if (bytes[at] === FIN_PING) this.#write(FIN_PONG, bytes.subarray(start, end));
      else if (bytes[at] === FIN_CLOSE && length >= 2) {
        this.closeCode = bytes.readUInt16BE(start);
        this.#write(FIN_CLOSE, bytes.subarray(start, start + 2));
      }
      at = end;
    }
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }
}
