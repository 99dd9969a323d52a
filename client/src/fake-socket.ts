/** For unit tests: a WebSocket whose other end is the test, and the time to let promises settle. */
import type { ClientFrame, ServerFrame } from '@hubbub/protocol/frames.js';
import type { SocketLike } from './connection.js';

export class FakeSocket implements SocketLike {
  /** All that were made, the newest last; emptied by the test. */
  static readonly made: FakeSocket[] = [];

  static get last(): FakeSocket {
    const socket = FakeSocket.made.at(-1);
    if (socket === undefined) throw new Error('No socket was opened');
    return socket;
  }

  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly url: string;
  readonly protocols: readonly string[];
  isClosed = false;
  /** What the client has sent and {@link take} has not taken. */
  readonly sent: ClientFrame[] = [];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.made.push(this);
  }

  /** The token that the client offered. */
  get token(): string {
    const encoded = this.protocols.find((each) => each.startsWith('auth.bearer.')) ?? '';
    return atob(encoded.slice('auth.bearer.'.length).replaceAll('-', '+').replaceAll('_', '/'));
  }

  send(text: string): void {
    const frame: ClientFrame = JSON.parse(text);
    this.sent.push(frame);
  }

  close(): void {
    this.isClosed = true;
  }

  // The server's side

  open(): void {
    this.#call(this.onopen, {});
  }

  receive(frame: ServerFrame | { readonly type: string }): void {
    this.#call(this.onmessage, { data: JSON.stringify(frame) });
  }

  /** Answers every `ping` so far. */
  pong(): void {
    const pings = this.take('ping');
    for (const _ of pings) this.receive({ type: 'pong' });
  }

  /** The server closed the socket, or it broke. */
  end(code: number): void {
    this.isClosed = true;
    this.#call(this.onclose, { code });
  }

  /** Takes the frames of this type that the client has sent. */
  take<T extends ClientFrame['type']>(type: T): Extract<ClientFrame, { type: T }>[] {
    const taken = this.sent.filter((frame): frame is Extract<ClientFrame, { type: T }> => frame.type === type);
    for (const frame of taken) this.sent.splice(this.sent.indexOf(frame), 1);
    return taken;
  }

  #call(handler: ((event: never) => void) | null, event: object): void {
    handler?.(event as never);
  }
}

/** Settles when everything that waits for promises alone has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A JWT, as far as a client looks at it. */
export function tokenOf(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object) =>
    btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  return `${part({ alg: 'none' })}.${part(claims)}.x`;
}

/** A channel's id, and its frames. */
export const CHANNEL_ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const USER_ID = '00000000-0000-4000-8000-000000000001';
const AT = '2026-01-31T12:00:00.000Z';

export function subscribedFrame(seq: number, recovered: boolean, oldestSeq?: number, epoch?: string): ServerFrame {
  const oldest_seq = recovered ? {} : { oldest_seq: oldestSeq ?? seq + 1 };
  const life = epoch === undefined ? {} : { epoch };
  return { type: 'subscribed', channel_id: CHANNEL_ID, seq, recovered, online: 1, ...oldest_seq, ...life };
}

export function messageFrame(seq: number, id = idOf(seq), content = `text ${seq}`): ServerFrame {
  return {
    type: 'message',
    channel_id: CHANNEL_ID,
    user_id: USER_ID,
    username: 'ada',
    display_name: null,
    avatar_url: null,
    content,
    message_id: id,
    timestamp: AT,
    seq,
  };
}

export function deletedFrame(seq: number, messageSeq: number): ServerFrame {
  return {
    type: 'message_deleted',
    channel_id: CHANNEL_ID,
    message_id: idOf(messageSeq),
    message_seq: messageSeq,
    seq,
    deleted_by: USER_ID,
    timestamp: AT,
  };
}

export function errorFrame(code: string, messageId?: string, retryAfterMs?: number): ServerFrame {
  return {
    type: 'error',
    channel_id: CHANNEL_ID,
    error: `refused: ${code}`,
    code,
    ...(messageId === undefined ? {} : { message_id: messageId }),
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    timestamp: AT,
  };
}

/** The id of the message at this place. */
export function idOf(seq: number): string {
  return `00000000-0000-4000-9000-${String(seq).padStart(12, '0')}`;
}
