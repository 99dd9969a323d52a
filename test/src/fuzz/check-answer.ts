/** What is true of every HTTP answer, whatever was asked. */
import assert from 'node:assert/strict';
import type { Answer } from './http-socket.js';
import { context } from './target.js';

const CODE = /^[A-Z]+(_[A-Z]+)*$/;
const KEYS = new Set(['error', 'code', 'details']);

/** @param method of the request; null: unknown, so that an empty body may be that of a HEAD */
export function checkAnswer(answer: Answer, method: string | null, sent: Buffer): void {
  const { status, headers, body } = answer;
  const what = (text: string) => context(`${text}; the answer was ${status} ${body.slice(0, 300)}`, sent);
  assert.ok(status < 500, what('the server says that it failed'));
  if (status === 101) return;
  assert.match(headers.get('x-request-id') ?? '', /^[\w.-]{1,64}$/, what('there is no x-request-id'));
  if (status < 400 || method === 'HEAD' || (method === null && body === '')) return;
  assert.match(headers.get('content-type') ?? '', /^application\/json/, what('the error is no JSON'));
  assert.ok(isErrorBody(body), what('the error has another shape'));
}

function isErrorBody(text: string): boolean {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return false;
  }
  if (typeof body !== 'object' || body === null || !('error' in body) || !('code' in body)) return false;
  const { error, code } = body;
  if (typeof error !== 'string' || error === '' || typeof code !== 'string' || !CODE.test(code)) return false;
  if (!Object.keys(body).every((key) => KEYS.has(key))) return false;
  return !('details' in body) || (Array.isArray(body.details) && body.details.every(isDetail));
}

function isDetail(detail: unknown): boolean {
  if (typeof detail !== 'object' || detail === null || !('field' in detail) || !('message' in detail)) return false;
  return typeof detail.field === 'string' && typeof detail.message === 'string' && Object.keys(detail).length === 2;
}
