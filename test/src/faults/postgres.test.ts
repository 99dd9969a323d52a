/** PostgreSQL away, slow, or unwilling to write: nobody is told what is not stored, and nothing that is gets lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import type { ErrorFrame, MessageFrame } from '@hubbub/protocol/frames.js';
import { assertRefused, history, range, seqs, settled, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { requestUpgrade } from '../support/upgrade.js';
import { until } from '../support/wait.js';
import { Ground } from './ground.js';

/** More than the errors at one go that close a connection as a flood. */
const MANY = 160;
/** A statement ends after 5 s by the server's clock, after 6 s by the client's. */
const ANSWER_LIMIT_MS = 10_000;
/** How long a batch whose commit went unanswered is looked for, and the statement under way then. */
const DOUBT_LIMIT_MS = 20_000;

let ground: Ground;
before(async () => {
  ground = await Ground.start();
});
afterEach(() => ground.stage.closeClients());
after(() => ground.stop());

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}

function errors(client: ChatClient): ErrorFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'error' ? [frame] : []));
}

/** Two people in a channel of their own, one on each instance. */
async function converse() {
  const { channel, owner } = await ground.stage.channel();
  const [sender, reader] = await Promise.all([owner.join(channel.id, { at: 0 }), owner.join(channel.id, { at: 1 })]);
  return { channel, owner, sender, reader };
}

function send(client: ChatClient, ids: readonly string[]): void {
  for (const message_id of ids) client.send({ type: 'message', content: `this is ${message_id}`, message_id });
}

/** Sends again what was answered UNAVAILABLE, until each was acknowledged; then both have all, each once and in order. */
async function getThrough({ sender, reader }: { sender: ChatClient; reader: ChatClient }, ids: readonly string[]) {
  await until(
    async () => {
      const acknowledged = new Set(messages(sender).map(({ message_id }) => message_id));
      const open = ids.filter((id) => !acknowledged.has(id));
      send(sender, open);
      await settled(sender);
      return open.length === 0;
    },
    { timeoutMs: 20_000, intervalMs: 300, message: 'all messages to be acknowledged' },
  );
  await until(() => messages(reader).length >= ids.length, {
    timeoutMs: 10_000,
    message: 'the reader to have them all',
  });
  assert.deepEqual(seqs(messages(reader)), range(1, ids.length));
  assert.deepEqual(new Set(messages(reader).map(({ message_id }) => message_id)), new Set(ids));
}

/** Waits until each of the messages was answered. @returns the errors among the answers */
async function answersTo(client: ChatClient, ids: readonly string[], timeoutMs = ANSWER_LIMIT_MS) {
  await until(
    () => {
      const answered = new Set([...messages(client), ...errors(client)].map(({ message_id }) => message_id));
      return ids.every((id) => answered.has(id));
    },
    { timeoutMs, message: `${ids.length} messages to be answered` },
  );
  return errors(client);
}

function assertTemporary(refusals: readonly ErrorFrame[]): void {
  for (const { code, retry_after_ms } of refusals) {
    assert.equal(code, 'UNAVAILABLE');
    assert.ok((retry_after_ms ?? 0) > 0, 'the sender is told when to try again');
  }
}

test('while PostgreSQL is stopped senders are told to retry, however many they send, and keep their connections', async () => {
  const { channel, owner, sender, reader } = await converse();
  const ids = range(1, MANY).map(() => randomUUID());
  await ground.postgres.kill9();
  // One by one, so that no good client would have been closed for less.
  for (const id of ids) {
    send(sender, [id]);
    assert.equal((await sender.next('error', DOUBT_LIMIT_MS)).message_id, id);
  }
  assertTemporary(errors(sender));
  assert.equal(errors(sender).length, MANY);
  await settled(sender);
  const path = `${V1}/channels/${channel.id}/messages`;
  assertRefused(await owner.api().get(path), 503, 'UNAVAILABLE');
  assertRefused(await owner.api().post(path, { content: 'over REST' }), 503, 'UNAVAILABLE');
  assertRefused(await owner.api().get('/readyz'), 503, 'UNAVAILABLE');
  await settled(reader);
  assert.deepEqual(messages(reader), [], 'nothing was told of that is not stored');

  await ground.postgres.restart();
  await getThrough({ sender, reader }, ids);
  assert.deepEqual(seqs((await history(owner, channel.id, 'limit=100&after_seq=0')).messages), range(1, 100));
});

test('while PostgreSQL answers nothing at all everything is answered in time, and what is stored is stored once', async () => {
  const { channel, owner, sender, reader } = await converse();
  const ids = range(1, 30).map(() => randomUUID());
  send(sender, ids.slice(0, 10));
  await getThrough({ sender, reader }, ids.slice(0, 10));
  ground.toPostgres.blackHole();
  send(sender, ids.slice(10));
  const path = `${V1}/channels/${channel.id}/messages`;
  const timed = async <T>(answer: Promise<T>): Promise<T> => {
    const startedAtMs = performance.now();
    const result = await answer;
    const tookMs = performance.now() - startedAtMs;
    assert.ok(tookMs < ANSWER_LIMIT_MS, `answered after ${Math.round(tookMs)} ms`);
    return result;
  };
  const headers = { Authorization: `Bearer ${owner.token}` };
  const answers = await Promise.all([
    timed(owner.api().get(path)),
    timed(owner.api().get(`${V1}/channels`)),
    timed(owner.api().get(`${V1}/channels/${channel.id}/moderation-log`)),
    timed(owner.api().patch(`${V1}/channels/${channel.id}`, { name: 'new' })),
    timed(requestUpgrade(`${ground.stage.instance(0).url}/ws/chat/${channel.id}`, headers)),
  ]);
  for (const answer of answers) assertRefused(answer, 503, 'UNAVAILABLE');
  assert.equal((await timed(owner.api().get(`${V1}/health`))).status, 200);
  assertTemporary(await answersTo(sender, ids, DOUBT_LIMIT_MS));
  ground.toPostgres.heal();
  await getThrough({ sender, reader }, ids);
});

test('a PostgreSQL that is slow delays messages and nothing else', async () => {
  const { sender, reader } = await converse();
  ground.toPostgres.delayMs = 400;
  const ids = range(1, 20).map(() => randomUUID());
  send(sender, ids);
  await settled(sender);
  await until(() => messages(reader).length === ids.length, { timeoutMs: 10_000 });
  ground.toPostgres.heal();
  assert.deepEqual(errors(sender), []);
  assert.deepEqual(
    messages(reader).map(({ message_id }) => message_id),
    ids,
  );
});

test('connections to PostgreSQL that are killed while much is sent cost no message', async () => {
  const conversation = await converse();
  const ids = range(1, 400).map(() => randomUUID());
  for (let from = 0; from < ids.length; from += 20) {
    send(conversation.sender, ids.slice(from, from + 20));
    await ground.sql(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hubbub'`);
  }
  assertTemporary(await answersTo(conversation.sender, ids, DOUBT_LIMIT_MS));
  await getThrough(conversation, ids);
});

test('a PostgreSQL that only reads is read from, and senders are told to retry', async () => {
  const { channel, owner, sender, reader } = await converse();
  const [first = '', ...others] = range(1, 20).map(() => randomUUID());
  send(sender, [first]);
  await getThrough({ sender, reader }, [first]);
  const setReadOnly = async (value: 'on' | 'off') => {
    await ground.sql(`alter system set default_transaction_read_only = ${value}`);
    await ground.sql('select pg_reload_conf()');
  };
  await setReadOnly('on');
  send(sender, others);
  assertTemporary(await answersTo(sender, others));
  assert.equal(errors(sender).length, others.length);
  assert.deepEqual(seqs((await history(owner, channel.id)).messages), [1]);
  await setReadOnly('off');
  await getThrough({ sender, reader }, [first, ...others]);
});

test('with the disk of PostgreSQL full senders are told to retry, and nothing is told of that is not stored', async () => {
  const { channel, owner, sender, reader } = await converse();
  const ids = range(1, 20).map(() => randomUUID());
  await ground.sql(
    `create function full_disk() returns trigger language plpgsql as
     $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$`,
  );
  await ground.sql('create trigger full_disk before insert on chat_messages execute function full_disk()');
  send(sender, ids);
  assertTemporary(await answersTo(sender, ids));
  assert.equal(errors(sender).length, ids.length);
  const path = `${V1}/channels/${channel.id}/messages`;
  assertRefused(await owner.api().post(path, { content: 'over REST' }), 503, 'UNAVAILABLE');
  assert.deepEqual((await history(owner, channel.id)).messages, []);
  await settled(reader);
  assert.deepEqual(messages(reader), []);
  await ground.sql('drop trigger full_disk on chat_messages');
  await getThrough({ sender, reader }, ids);
});
