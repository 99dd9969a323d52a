import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { httpRefusal } from '../http-refusal.js';

/** Answers by Node's error code; any other one is a request that is no HTTP. */
const ANSWERS: Readonly<Record<string, readonly [status: number, sentence: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The request headers are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time'],
};

/** Answers what cannot be read as HTTP, and so reaches no route, with the REST error shape; ends the connection. */
export function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, sentence] = ANSWERS[error.code ?? ''] ?? [400, 'The request is not valid HTTP'];
  const body = { error: sentence, code: 'INVALID_REQUEST' };
  if (socket.writable) socket.write(httpRefusal({ status, body, requestId: randomUUID() }));
  socket.destroy(error);
}
