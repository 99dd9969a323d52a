import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { canonicalUuid } from '@hubbub/protocol/ids.js';
import type { Span, SpanContext } from '@opentelemetry/api';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Admission } from './admission.js';
import type { Position } from './channel-hub.js';
import { type Credentials, readCredentials, selectSubprotocol } from './credentials.js';
import { asHubbubError, HubbubError } from './errors.js';
import { httpRefusal } from './http-refusal.js';
import type { Identity } from './identity.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';
import { endSpan, failSpan, traceFields } from './span.js';
import type { Tracing } from './tracing.js';

/** An upgrade that was let in. */
export interface Accepted {
  readonly webSocket: WebSocket;
  readonly socket: Socket;
  readonly identity: Identity;
  /** The channel of a one-channel connection; null: it may join many. */
  readonly onlyChannelId: string | null;
  /** The channel that is joined at once, admitted already; null: none. */
  readonly admission: Admission | null;
  /** Where the client stands in that channel; null: it has nothing of it. */
  readonly position: Position | null;
  /** The span of this upgrade; null: it is not traced. */
  readonly trace: SpanContext | null;
}

interface GatewayOptions {
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly metrics: Metrics;
  readonly maxFrameBytes: number;
  /** Upgrades that are being looked at, at most; further ones are told when to come back. */
  readonly maxPending: number;
  readonly isDraining: () => boolean;
  /** Takes the place of one connection of the client's address until the socket is closed. @throws HubbubError */
  readonly takePlace: (request: IncomingMessage, socket: Socket) => void;
  /** What a request that met this error is refused with: the same, or that its address has guessed too often. */
  readonly refusal: (request: IncomingMessage, error: HubbubError) => HubbubError;
  /** Whether one more may come now: asked once an upgrade, and counted by whoever answers. */
  readonly mayCome: () => boolean;
  /** Whether a browser on this origin may connect; `host` is the request's own. */
  readonly isOriginAllowed: (origin: string, host: string | null) => boolean;
  readonly authenticate: (token: string) => Promise<Identity>;
  readonly admit: (identity: Identity, channelId: string) => Promise<Admission>;
  /** Gives an admitted place back. */
  readonly release: (channelId: string, userId: string) => void;
  /** Called in the same tick in which the 101 is written. */
  readonly onAccepted: (accepted: Accepted) => void;
}

/** Where an upgrade wants to go. */
interface Target {
  readonly channelId: string | null;
  readonly single: boolean;
  readonly position: Position | null;
}

const ONE_CHANNEL = /^(?:\/api(?:\/v1)?\/chat\/channels\/([^/]+)\/ws|\/ws\/chat\/([^/]+))$/;
const MANY_CHANNELS = /^(?:\/ws\/chat|\/api(?:\/v1)?\/chat\/ws)$/;
const STATUS_ATTRIBUTE = 'http.response.status_code';
const MIN_RETURN_WAIT_MS = 1000;
const REFUSAL_WAIT_MS = 5000;
// RFC 6455, section 4.1: the base64 of 16 bytes.
const WEBSOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;

/** HTTP upgrades to WebSocket. Every refusal comes before the 101, as an HTTP response with the REST error shape. */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #webSockets: WebSocketServer;
  /** What is answered to the subprotocols that a request has offered. */
  readonly #subprotocols = new WeakMap<IncomingMessage, string>();
  #pending = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.maxFrameBytes,
      // Compression of frames shared by thousands would be done for each socket, and fragments memory (ws#1202).
      perMessageDeflate: false,
    });
    this.#webSockets.on('headers', (headers, request) => {
      const subprotocol = this.#subprotocols.get(request);
      if (subprotocol !== undefined) headers.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
    });
  }

  /** Listener of an HTTP server's `upgrade` event. */
  readonly onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    // A client that goes away must not end the process, neither while it is looked at nor while it is refused: the error
    // of a write may come after everything else.
    socket.on('error', ignoreError);
    const span = this.#options.tracing?.startUpgrade(request) ?? null;
    this.#upgrade(request, socket, head, span).catch((error) => this.#refuse(request, socket, error, span));
  };

  close(): void {
    this.#webSockets.close();
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer, span: Span | null): Promise<void> {
    const target = readTarget(request);
    assertHandshake(request);
    this.#options.takePlace(request, socket);
    if (this.#pending >= this.#options.maxPending || !this.#options.mayCome()) {
      // Told apart, those who come back at once after a failure do not come back at once again.
      const retryAfterMs = MIN_RETURN_WAIT_MS * (1 + Math.random() * 4);
      throw new HubbubError('UNAVAILABLE', 'Too many are connecting right now: try again shortly', { retryAfterMs });
    }
    if (this.#options.isDraining()) {
      throw new HubbubError('UNAVAILABLE', 'This instance is shutting down: connect again', { retryAfterMs: 1000 });
    }
    const offered = this.#takeSubprotocols(request);
    const credentials = readCredentials(request.headers, offered);
    this.#assertOrigin(request, credentials);
    const { identity, admission } = await this.#letIn(credentials, target);
    span?.setAttribute('user.id', identity.userId);
    const release = () => {
      endSpan(span, 'gone');
      if (admission !== null) this.#options.release(admission.access.id, identity.userId);
    };
    if (socket.destroyed) {
      release();
      return;
    }
    // `ws` answers a handshake that it does not like by itself and only closes the socket.
    socket.once('close', release);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', release);
      socket.setNoDelay(true);
      span?.setAttribute(STATUS_ATTRIBUTE, 101);
      endSpan(span, 'accepted');
      this.#options.onAccepted({
        webSocket,
        socket,
        identity,
        onlyChannelId: target.single ? target.channelId : null,
        admission,
        position: target.position,
        trace: span?.spanContext() ?? null,
      });
    });
  }

  /** The steps that wait for others. Their number at a time is bounded, and with it what a storm of clients can ask. */
  async #letIn(credentials: Credentials, target: Target): Promise<{ identity: Identity; admission: Admission | null }> {
    this.#pending++;
    try {
      const identity = await this.#options.authenticate(credentials.token);
      const admission = target.channelId === null ? null : await this.#options.admit(identity, target.channelId);
      return { identity, admission };
    } finally {
      this.#pending--;
    }
  }

  /**
   * Reads the offered subprotocols and settles the answer. `ws` is not shown them: a token in standard or padded base64
   * has characters that RFC 6455 does not allow there, and clients send it all the same.
   */
  #takeSubprotocols(request: IncomingMessage): string[] {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
    const selected = selectSubprotocol(offered);
    if (selected !== null) this.#subprotocols.set(request, selected);
    delete request.headers['sec-websocket-protocol'];
    return offered;
  }

  #assertOrigin(request: IncomingMessage, credentials: Credentials): void {
    const { origin, host } = request.headers;
    if (origin === undefined) {
      if (credentials.carrier !== 'cookie') return;
      throw new HubbubError('FORBIDDEN', 'A connection by cookie needs an Origin header');
    }
    if (!this.#options.isOriginAllowed(origin, host ?? null)) {
      throw new HubbubError('FORBIDDEN', 'Connections from this origin are not allowed');
    }
  }

  #refuse(request: IncomingMessage, socket: Socket, cause: unknown, span: Span | null): void {
    const error = this.#options.refusal(request, asHubbubError(cause));
    span?.setAttribute(STATUS_ATTRIBUTE, error.status);
    failSpan(span, error);
    this.#options.metrics.upgradesRefused.inc({ code: error.code });
    const requestId = randomUUID();
    if (error.code === 'INTERNAL') {
      const line = { err: error.cause, request_id: requestId, ...traceFields(span) };
      this.#options.log.error(line, 'An upgrade failed unexpectedly');
    }
    if (socket.destroyed) return;
    // One who does not read would keep the socket open.
    socket.setTimeout(REFUSAL_WAIT_MS, () => socket.destroy());
    socket.once('finish', () => socket.destroy());
    const { status, code, message, retryAfterMs } = error;
    socket.end(httpRefusal({ status, body: { error: message, code }, requestId, retryAfterMs }));
  }
}

function ignoreError(): void {}

function readTarget(request: IncomingMessage): Target {
  const url = request.url ?? '/';
  const queryAt = url.indexOf('?');
  const path = queryAt < 0 ? url : url.slice(0, queryAt);
  const query = new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt));
  const one = ONE_CHANNEL.exec(path);
  const many = MANY_CHANNELS.test(path);
  if (one === null && !many) throw new HubbubError('NOT_FOUND', 'No such WebSocket URL');
  const text = one === null ? query.get('channel_id') : (one[1] ?? one[2] ?? '');
  const channelId = text === null ? null : canonicalUuid(text);
  if (text !== null && channelId === null) throw new HubbubError('INVALID_REQUEST', 'Invalid channel ID');
  return { channelId, single: one !== null, position: readPosition(query) };
}

function readPosition(query: URLSearchParams): Position | null {
  const text = query.get('last_seq');
  if (text === null) return null;
  const seq = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seq)) {
    throw new HubbubError('INVALID_REQUEST', 'last_seq must be a whole number, the last seq that the client has');
  }
  return { seq, epoch: query.get('epoch') };
}

function assertHandshake(request: IncomingMessage): void {
  const { headers } = request;
  const valid =
    request.method === 'GET' &&
    request.httpVersion === '1.1' &&
    headers.host !== undefined &&
    headers.upgrade?.toLowerCase() === 'websocket' &&
    WEBSOCKET_KEY.test(headers['sec-websocket-key'] ?? '') &&
    headers['sec-websocket-version'] === '13';
  if (!valid) throw new HubbubError('INVALID_REQUEST', 'Not a WebSocket handshake of version 13 (RFC 6455)');
}
