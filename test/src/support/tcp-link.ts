import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP link that can be hurt: everything that comes to `port` goes to `target`, unless told otherwise. */
export class TcpLink {
  /** Port of 127.0.0.1 to forward to; read for each new connection. 0: nobody is there. */
  target: number;
  /** Ends new connections at once. */
  refusing = false;
  /** Holds every chunk back for so long, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #holed = false;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
  }

  static async listen(target = 0): Promise<TcpLink> {
    const link = new TcpLink(target);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that go over it now. */
  get size(): number {
    return this.#pairs.size;
  }

  /**
   * From now on nothing gets through and nobody is told, as on a network whose packets are lost; what either side sends
   * or has sent arrives after {@link heal}.
   */
  blackHole(): void {
    this.#holed = true;
    for (const pair of this.#pairs) pair.hold();
  }

  /** Undoes {@link blackHole}, {@link refusing} and {@link delayMs}. */
  heal(): void {
    this.#holed = false;
    this.refusing = false;
    this.delayMs = 0;
    for (const pair of this.#pairs) pair.flow();
  }

  /** Resets connections on both sides. @param which is asked for each one; default: all */
  cut(which: () => boolean = () => true): void {
    for (const pair of [...this.#pairs]) if (which()) pair.cut();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.refusing || this.target === 0) {
      reset(client);
      return;
    }
    const pair = new Pair(client, this);
    this.#pairs.add(pair);
    client.once('close', () => this.#pairs.delete(pair));
    if (!this.#holed) pair.flow();
  }
}

/** One connection through the link: two sockets, and a stream in each direction. */
class Pair {
  readonly #client: Socket;
  readonly #link: TcpLink;
  #upstream: Socket | null = null;
  #streams: Stream[] = [];

  constructor(client: Socket, link: TcpLink) {
    this.#client = client;
    this.#link = link;
    client.setNoDelay(true);
    client.on('error', () => {});
    client.once('close', () => this.#upstream?.destroy());
  }

  hold(): void {
    for (const stream of this.#streams) stream.hold();
  }

  flow(): void {
    if (this.#upstream === null) this.#connect();
    for (const stream of this.#streams) stream.flow();
  }

  cut(): void {
    reset(this.#client);
    if (this.#upstream !== null) reset(this.#upstream);
  }

  #connect(): void {
    const upstream = connect({ port: this.#link.target, host: '127.0.0.1', allowHalfOpen: true });
    this.#upstream = upstream;
    upstream.setNoDelay(true);
    upstream.on('error', () => {});
    upstream.once('close', () => this.#client.destroy());
    this.#streams = [new Stream(this.#client, upstream, this.#link), new Stream(upstream, this.#client, this.#link)];
  }
}

/** What goes from one socket to the other, in order, with the link's delay. */
class Stream {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #link: TcpLink;
  /** Chunks under way; null stands for the end. */
  readonly #queue: { readonly dueMs: number; readonly chunk: Buffer | null }[] = [];
  #timer: NodeJS.Timeout | null = null;
  #held = false;

  constructor(source: Socket, sink: Socket, link: TcpLink) {
    this.#source = source;
    this.#sink = sink;
    this.#link = link;
    source.on('data', (chunk) => this.#take(chunk));
    source.on('end', () => this.#take(null));
    source.once('close', () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
    });
    sink.on('drain', () => {
      if (!this.#held) source.resume();
    });
  }

  hold(): void {
    this.#held = true;
    this.#source.pause();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  flow(): void {
    this.#held = false;
    if (this.#timer === null) this.#forward();
    if (!this.#sink.writableNeedDrain) this.#source.resume();
  }

  #take(chunk: Buffer | null): void {
    const last = this.#queue.at(-1)?.dueMs ?? 0;
    this.#queue.push({ dueMs: Math.max(last, performance.now() + this.#link.delayMs), chunk });
    if (!this.#held && this.#timer === null) this.#forward();
  }

  #forward(): void {
    this.#timer = null;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#forward(), waitMs);
        return;
      }
      this.#queue.shift();
      if (next.chunk === null) this.#sink.end();
      else if (!this.#sink.destroyed && !this.#sink.write(next.chunk)) this.#source.pause();
    }
  }
}

/** Ends a connection so that the other side sees it break. */
function reset(socket: Socket): void {
  // libuv cannot reset a socket that has begun to end, and Node then leaves its handle open for ever.
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
