/** HTTP over a bare socket: what is sent may be anything, what comes back must be HTTP. */
import { connect, type Socket } from 'node:net';
import { context } from './target.js';

/** Time without a word of the server after which it counts as hung. */
const SILENCE_MS = 5000;

export interface Answer {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One connection, for one exchange after the other. */
export class HttpSocket {
  readonly #socket: Socket;
  /** What has come and is no whole answer yet, a character for each byte. */
  #rest = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.#socket.on('data', (chunk) => {
      this.#rest += chunk.toString('latin1');
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Sends bytes and reads the answers, one for each of `methods`; fewer when the server ends the connection, or when it
   * has switched protocols.
   *
   * @param methods of the requests in `bytes`; null: it is not known what they amount to, and the connection is ended
   * @throws when the server is silent for 5 s while answers are due, or answers something else than HTTP
   */
  async exchange(bytes: Buffer, methods: readonly string[] | null): Promise<Answer[]> {
    if (methods === null) this.#socket.end(bytes);
    else this.#socket.write(bytes);
    // The answer to a HEAD has no body, whatever its length says.
    const first = bytes.toString('latin1', 0, 5) === 'HEAD ' ? 'HEAD' : 'GET';
    const answers: Answer[] = [];
    for (;;) {
      const answer = this.#take(methods?.[answers.length] ?? first, bytes);
      if (answer !== null) {
        answers.push(answer);
        if (answer.status === 101 || answers.length === methods?.length) return answers;
      } else if (this.#ended) {
        return answers;
      } else {
        await this.#news(bytes);
      }
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #news(bytes: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const silence = () => {
        this.destroy();
        reject(new Error(context(`no answer and no end within ${SILENCE_MS} ms`, bytes)));
      };
      const timer = setTimeout(silence, SILENCE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** @returns null when the next answer is not there as a whole */
  #take(method: string, sent: Buffer): Answer | null {
    const headEnd = this.#rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return null;
    const [first = '', ...lines] = this.#rest.slice(0, headEnd).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})( |$)/.exec(first)?.[1]);
    if (Number.isNaN(status)) throw new Error(context(`the answer is no HTTP: ${this.#rest.slice(0, 200)}`, sent));
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const start = headEnd + 4;
    if (status < 200 && status !== 101) {
      this.#rest = this.#rest.slice(start);
      return this.#take(method, sent);
    }
    const empty = method === 'HEAD' || status === 101 || status === 204 || status === 304;
    const found = empty ? { body: '', end: start } : this.#body(headers, start);
    if (found === null) return null;
    this.#rest = this.#rest.slice(found.end);
    return { status, headers, body: Buffer.from(found.body, 'latin1').toString() };
  }

  #body(headers: ReadonlyMap<string, string>, start: number): { body: string; end: number } | null {
    if (headers.get('transfer-encoding') === 'chunked') return this.#chunks(start);
    const length = headers.get('content-length');
    if (length === undefined) return this.#ended ? { body: this.#rest.slice(start), end: this.#rest.length } : null;
    const end = start + Number(length);
    return this.#rest.length < end ? null : { body: this.#rest.slice(start, end), end };
  }

  #chunks(start: number): { body: string; end: number } | null {
    let body = '';
    for (let at = start; ; ) {
      const lineEnd = this.#rest.indexOf('\r\n', at);
      if (lineEnd < 0) return null;
      const length = Number.parseInt(this.#rest.slice(at, lineEnd), 16);
      const end = lineEnd + 2 + length + 2;
      if (this.#rest.length < end) return null;
      if (length === 0) return { body, end };
      body += this.#rest.slice(lineEnd + 2, end - 2);
      at = end;
    }
  }
}
