/** Redis: whether it is there, carries messages, and keeps what it is given. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { redactUrl } from '../../config.js';
import { reasonOf } from '../../lifecycle.js';
import { openRedis, type RedisConnection, SHARDED_SINCE, withDeadline } from '../../redis-connection.js';
import { compareClocks, type Finding, failure, ok, warning } from './finding.js';

const ECHO_DEADLINE_MS = 2000;
const PROBE_TTL_MS = '1000';
const SUBJECT = 'Redis';

/** @param clean makes an error's text fit to be shown */
export async function* examineRedis(url: string, clean: (text: string) => string): AsyncGenerator<Finding> {
  const at = redactUrl(url);
  let connection: RedisConnection | null = null;
  try {
    const startedAtMs = performance.now();
    connection = await openRedis(url, { onLost: () => {}, onWounded: () => {}, onDoubt: () => {} });
    yield ok(SUBJECT, `${at} answers (${Math.ceil(performance.now() - startedAtMs)} ms)`);
    yield* examineServer(connection);
    yield await examineEcho(connection, clean);
    yield* examineMemory(connection);
    const beforeMs = Date.now();
    const [seconds, micros] = (await ask(connection, ['TIME'])) as [unknown, unknown];
    const theirMs = Number(String(seconds)) * 1000 + Number(String(micros)) / 1000;
    yield compareClocks('Redis', { beforeMs, afterMs: Date.now(), theirMs });
  } catch (error) {
    yield failure(SUBJECT, `${at}: ${clean(reasonOf(error))}`, remedyOf(reasonOf(error)));
  } finally {
    connection?.close();
  }
}

async function* examineServer(connection: RedisConnection): AsyncGenerator<Finding> {
  const version = /redis_version:(\S+)/.exec(String(await ask(connection, ['INFO', 'server'])))?.[1] ?? '0';
  const sharded = Number.parseInt(version, 10) >= SHARDED_SINCE;
  const place = connection.clustered ? ', a Cluster' : '';
  yield ok(SUBJECT, `version ${version}${place}; Pub/Sub is ${sharded ? 'sharded' : 'not sharded (Redis 7 has it)'}`);
  // Limits and presence are kept in it: a replica, or a user who may only read, will not do.
  await ask(connection, ['SET', probeKey(), '1', 'PX', PROBE_TTL_MS]);
}

/** A message to oneself, as an instance proves its subscriptions. */
async function examineEcho(connection: RedisConnection, clean: (text: string) => string): Promise<Finding> {
  const channel = probeKey();
  const came = Promise.withResolvers<true>();
  try {
    const startedAtMs = performance.now();
    await withDeadline(connection.subscribe(channel, () => came.resolve(true)));
    await withDeadline(connection.publish(channel, Buffer.from('hubbub')));
    if (await Promise.race([came.promise, delay(ECHO_DEADLINE_MS, false)])) {
      return ok(SUBJECT, `a message to oneself comes back (${Math.ceil(performance.now() - startedAtMs)} ms)`);
    }
  } catch (error) {
    return failure(SUBJECT, `Pub/Sub: ${clean(reasonOf(error))}`, remedyOf(reasonOf(error)));
  }
  return failure(
    SUBJECT,
    `a message to oneself did not come back within ${ECHO_DEADLINE_MS / 1000} s`,
    'Give its user the channels chat:* and the right to subscribe (ACL SETUSER ... allchannels), and let no proxy stand between.',
  );
}

async function* examineMemory(connection: RedisConnection): AsyncGenerator<Finding> {
  const info = String(await ask(connection, ['INFO', 'memory']));
  const maxMemory = Number(/^maxmemory:(\d+)/m.exec(info)?.[1] ?? 0);
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
  if (maxMemory === 0 || policy === 'noeviction') {
    yield ok(SUBJECT, `maxmemory ${maxMemory === 0 ? 'is not set' : `${maxMemory} bytes`}, nothing is evicted`);
    return;
  }
  yield warning(
    SUBJECT,
    `maxmemory-policy is ${policy}: at ${maxMemory} bytes it throws away who is online and what limits count`,
    'Set maxmemory-policy to noeviction, or give Hubbub a Redis of its own.',
  );
}

function ask(connection: RedisConnection, args: string[]): Promise<unknown> {
  return withDeadline(connection.command(args[1] ?? '', args));
}

function probeKey(): string {
  return `chat:{doctor-${randomUUID()}}`;
}

function remedyOf(reason: string): string {
  if (/WRONGPASS|NOAUTH/.test(reason)) return 'Correct user and password in REDIS_URL, or REDIS_PASSWORD.';
  if (/NOPERM/.test(reason)) return 'Its user lacks rights: give him the keys and channels of Hubbub (ACL SETUSER).';
  if (/READONLY/.test(reason)) return 'This is a replica: name the master, or use redis+sentinel:// to have it found.';
  if (/OOM|MISCONF/.test(reason)) return 'It takes no writes: see its memory and its disk.';
  if (/MOVED|CLUSTERDOWN/.test(reason)) return 'It is part of a Cluster: use redis+cluster:// in REDIS_URL.';
  return 'See that it runs, and that REDIS_URL is right. Chat goes on without it, only slower between instances.';
}
