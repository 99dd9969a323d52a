import { WebSocket } from 'ws';
import type { HubbubSystem } from '../systems/hubbub.js';

/** A channel with all places from 1 to its last one. */
export interface ReadChannel {
  readonly id: string;
  readonly lastSeq: number;
}

/** One way to read history, again and again. */
export interface Read {
  readonly name: string;
  /**
   * Reads once.
   *
   * @returns how long it took, in milliseconds
   * @throws when something else comes than what is there
   */
  once(): Promise<number>;
}

const PAGE = 50;
export const MISSED = 50;
const RESUME_TIMEOUT_MS = 30_000;

interface Page {
  readonly messages: readonly { readonly seq: number }[];
  readonly cursor: string | null;
}

/** @param next gives the channel to read from, each time */
export function readsOf(system: HubbubSystem, next: () => ReadChannel): Read[] {
  const token = system.token(0);
  const url = system.instances[0]?.url ?? '';
  const wsUrl = system.instances[0]?.wsUrl ?? '';
  const page = (channel: ReadChannel, query: string) =>
    readPage(`${url}/api/v1/chat/channels/${channel.id}`, token, query);
  let walk: { readonly channel: ReadChannel; readonly cursor: string; readonly before: number } | null = null;

  return [
    {
      name: 'newest page',
      async once() {
        const channel = next();
        const { ms, found } = await page(channel, '');
        assertPlaces(found, channel.lastSeq - PAGE);
        return ms;
      },
    },
    {
      name: 'before_seq',
      async once() {
        const channel = next();
        const before = PAGE + 1 + Math.floor(Math.random() * (channel.lastSeq - PAGE));
        const { ms, found } = await page(channel, `&before_seq=${before}`);
        assertPlaces(found, before - 1 - PAGE);
        return ms;
      },
    },
    {
      name: 'cursor',
      // Goes back page by page from the middle, and begins anew in the next channel at the end of one.
      async once() {
        if (walk === null) {
          const channel = next();
          const before = Math.ceil(channel.lastSeq / 2) + PAGE;
          const { found } = await page(channel, `&before_seq=${before}`);
          walk = { channel, cursor: found.cursor ?? '', before: before - PAGE };
        }
        const { channel, cursor, before } = walk;
        const { ms, found } = await page(channel, `&cursor=${encodeURIComponent(cursor)}`);
        assertPlaces(found, before - 1 - PAGE);
        const more = found.cursor !== null && before - PAGE > PAGE;
        walk = more ? { channel, cursor: found.cursor, before: before - PAGE } : null;
        return ms;
      },
    },
    {
      name: 'after_seq',
      async once() {
        const channel = next();
        const after = Math.floor(Math.random() * (channel.lastSeq - PAGE));
        const { ms, found } = await page(channel, `&after_seq=${after}`);
        assertPlaces(found, after);
        return ms;
      },
    },
    {
      name: 'resume',
      async once() {
        const channel = next();
        const from = channel.lastSeq - MISSED;
        return await resume(`${wsUrl}/api/v1/chat/channels/${channel.id}/ws?last_seq=${from}`, token, from);
      },
    },
  ];
}

async function readPage(url: string, token: string, query: string): Promise<{ ms: number; found: Page }> {
  const startedMs = performance.now();
  const response = await fetch(`${url}/messages?limit=${PAGE}${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  const ms = performance.now() - startedMs;
  if (response.status !== 200) throw new Error(`${query}: ${response.status} ${text}`);
  return { ms, found: JSON.parse(text) as Page };
}

function assertPlaces({ messages }: Page, after: number): void {
  const wrong = messages.length !== PAGE || messages.some(({ seq }, index) => seq !== after + 1 + index);
  if (wrong) throw new Error(`${PAGE} places after ${after} were due, and came ${messages.map(({ seq }) => seq)}`);
}

/** @returns from before the upgrade to the last message that was missed, in milliseconds */
async function resume(url: string, token: string, from: number): Promise<number> {
  const startedMs = performance.now();
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error(`resume from ${from}: not current in time`)), RESUME_TIMEOUT_MS);
  let last = from;
  socket.on('error', reject);
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as { type: string; seq: number };
    if (frame.type !== 'message') return;
    if (frame.seq !== last + 1) reject(new Error(`resume from ${from}: ${frame.seq} came after ${last}`));
    last = frame.seq;
    if (last === from + MISSED) resolve(performance.now() - startedMs);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await closed(socket);
  }
}

/** The next read finds a channel that nobody is in. */
async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.close();
  });
}
