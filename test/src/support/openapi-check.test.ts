import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CheckedAnswer, OpenApiCheck } from './openapi-check.js';

const json = (schema: object) => ({ content: { 'application/json': { schema } } });

const check = new OpenApiCheck({
  openapi: '3.1.0',
  paths: {
    '/api/v1/chat/channels/{id}': {
      get: {
        responses: {
          200: json({ $ref: '#/components/schemas/Channel' }),
          '4XX': json({ type: 'object', required: ['code'] }),
        },
      },
      delete: { responses: { 204: { description: 'gone' } } },
    },
    '/api/v1/chat/channels/mine': { get: { responses: { 200: json({ type: 'array' }) } } },
  },
  components: {
    schemas: {
      Channel: {
        type: 'object',
        properties: { id: { type: 'string', format: 'uuid' }, name: { type: ['string', 'null'] } },
        required: ['id'],
        additionalProperties: false,
      },
    },
  },
});

const ID = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';
const answer = (changes: Partial<CheckedAnswer> = {}): CheckedAnswer => ({
  method: 'GET',
  path: `/api/v1/chat/channels/${ID}`,
  status: 200,
  contentType: 'application/json; charset=utf-8',
  body: { id: ID, name: null },
  ...changes,
});

test('an answer as documented passes, also under the short path', () => {
  check.check(answer());
  check.check(answer({ path: `/api/chat/channels/${ID}` }));
  check.check(answer({ status: 404, body: { code: 'CHANNEL_NOT_FOUND' } }));
  check.check(answer({ method: 'DELETE', status: 204, contentType: null, body: undefined }));
});

test('a path without parameters goes before one with them', () => {
  check.check(answer({ path: '/api/v1/chat/channels/mine', body: [] }));
});

test('an unknown path may only answer that it does not exist', () => {
  check.check(answer({ path: '/api/v1/chat/nothing', status: 404 }));
  assert.throws(() => check.check(answer({ path: '/api/v1/chat/nothing' })), /does not know this operation/);
  assert.throws(() => check.check(answer({ method: 'PUT' })), /does not know this operation/);
});

for (const [what, changes, message] of [
  ['an undocumented status', { status: 201 }, /does not know this status/],
  ['an undocumented content type', { contentType: 'text/html' }, /does not know the content type "text\/html"/],
  ['a body where none is documented', { method: 'DELETE', status: 204, body: {} }, /a body came/],
  ['a missing body', { body: undefined }, /not as documented/],
  ['a property too many', { body: { id: ID, secret: 1 } }, /additional properties/],
  ['a wrong format', { body: { id: 'ada' } }, /body\/id must match format "uuid"/],
  ['a wrong type', { body: { id: ID, name: 7 } }, /body\/name must be string,null/],
] as const) {
  test(`${what} is reported`, () => assert.throws(() => check.check(answer(changes)), message));
}
