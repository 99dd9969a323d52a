/** Looks into a server through V8's inspector, so that memory can be measured without what only waits to be collected. */
import { WebSocket } from 'ws';

/** Option of Node.js that opens the inspector on a free port, which the process then names. */
export const INSPECT_OPTION = '--inspect=127.0.0.1:0';

const LISTENING = /Debugger listening on (ws:\/\/\S+)/;
const ANSWER_TIMEOUT_MS = 30_000;
/** What finalizers and weak references hold goes only with the collection after the one that finds it. */
const COLLECTIONS = 2;

/** What is left of a process after its garbage is gone. */
export interface Remains {
  /** Live objects of JavaScript, with the memory of their buffers. */
  readonly heapBytes: number;
  /** Whatever keeps the event loop alive: sockets, timers, requests. */
  readonly resources: number;
}

interface HeapUsage {
  readonly usedSize: number;
  readonly backingStorageSize?: number;
}

/**
 * @param output of a process that was started with {@link INSPECT_OPTION}
 * @throws when the process has not named the address
 */
export function inspectorUrlOf(output: string): string {
  const url = LISTENING.exec(output)?.[1];
  if (url === undefined) throw new Error(`no inspector listens:\n${output}`);
  return url;
}

/** Collects all garbage of a process, and tells what is left; the process stands still for that time. */
export async function collectGarbage(url: string): Promise<Remains> {
  const session = await Session.open(url);
  try {
    for (let turn = 0; turn < COLLECTIONS; turn++) await session.call('HeapProfiler.collectGarbage');
    const heap = (await session.call('Runtime.getHeapUsage')) as HeapUsage;
    const { result } = (await session.call('Runtime.evaluate', {
      expression: 'process.getActiveResourcesInfo().length',
      returnByValue: true,
    })) as { result: { value: number } };
    return { heapBytes: heap.usedSize + (heap.backingStorageSize ?? 0), resources: result.value };
  } finally {
    session.close();
  }
}

/** A connection to an inspector; one question at a time. */
class Session {
  readonly #socket: WebSocket;
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(url: string): Promise<Session> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('error', () => {});
    return new Session(socket);
  }

  /** @throws when the inspector refuses, the connection ends, or no answer comes within 30 s */
  async call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_TIMEOUT_MS);
    const onClose = () => reject(new Error(`${method}: the inspector hung up`));
    const onMessage = (data: unknown) => {
      const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: { message: string } };
      if (answer.id !== id) return;
      if (answer.error === undefined) resolve(answer.result);
      else reject(new Error(`${method}: ${answer.error.message}`));
    };
    this.#socket.on('message', onMessage);
    this.#socket.once('close', onClose);
    this.#socket.send(JSON.stringify({ id, method, params }));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#socket.off('message', onMessage);
      this.#socket.off('close', onClose);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
