/** What the moderation tests have their people do. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ModerationFrame } from '@hubbub/protocol/frames.js';
import type { BanCheck, LogEntry, LogPage } from '@hubbub/protocol/moderation.js';
import { type Stage, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { withTimeout } from '../support/wait.js';

/** An open connection has to be cut off within this time. */
const CUT_OFF_MS = 1000;

export type Restricting = 'ban' | 'mute' | 'timeout';

/** A new user whom the server has seen. */
export async function seen(stage: Stage, at?: number): Promise<User> {
  const user = at === undefined ? await stage.user() : await stage.user({}, at);
  await user.api().get(`${V1}/channels?limit=1`, { expect: 200 });
  return user;
}

/** A new user with a role in the channel, given by its owner. */
export async function member(
  stage: Stage,
  owner: User,
  channelId: string,
  role: 'member' | 'moderator' | 'admin' = 'member',
  at?: number,
): Promise<User> {
  const user = await seen(stage, at);
  await owner.api().post(`${V1}/channels/${channelId}/members`, { user_id: user.id, role }, { expect: 201 });
  return user;
}

/** Bans, mutes or times out; for ten minutes where a time is needed. */
export async function restrict(by: User, channelId: string, what: Restricting, target: User, more: object = {}) {
  const minutes = what === 'timeout' ? { duration_minutes: 10 } : {};
  const body = { user_id: target.id, ...minutes, ...more };
  return (await by.api().post<Record<string, unknown>>(`${V1}/channels/${channelId}/${what}`, body, { expect: 200 }))
    .body;
}

export async function lift(by: User, channelId: string, what: 'ban' | 'mute', target: User): Promise<void> {
  await by.api().delete(`${V1}/channels/${channelId}/${what}/${target.id}`, { expect: 200 });
}

export async function checkBan(by: User, channelId: string, target?: User): Promise<BanCheck> {
  const query = target === undefined ? '' : `?user_id=${target.id}`;
  return (await by.api().get<BanCheck>(`${V1}/channels/${channelId}/check-ban${query}`, { expect: 200 })).body;
}

export async function trailOf(by: User, channelId: string, query = ''): Promise<LogPage> {
  return (await by.api().get<LogPage>(`${V1}/channels/${channelId}/moderation-log?${query}`, { expect: 200 })).body;
}

/** Asserts that a connection is told of what was done, and closed with `code` within a second. */
export async function assertCutOff(client: ChatClient, action: ModerationFrame['action'], code = 4003) {
  const frame = await client.next('moderation', CUT_OFF_MS);
  assert.equal(frame.action, action);
  await assertClosed(client, code);
  return frame;
}

export async function assertClosed(client: ChatClient, code: number): Promise<void> {
  const closed = await withTimeout(client.closed, CUT_OFF_MS, () => 'The connection was not closed');
  assert.equal(closed.code, code);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

/** The chain as docs/moderation.md describes it, so that anyone can check an export. */
export function assertChain(entries: readonly LogEntry[]): void {
  let previous = '';
  for (const entry of entries) {
    const { channel_id, moderator_id, target_user_id, action, reason, details, created_at, hash } = entry;
    const row = JSON.stringify([channel_id, moderator_id, target_user_id, action, reason, sorted(details), created_at]);
    assert.equal(hash, createHash('sha256').update(`${previous}\n${row}`).digest('hex'));
    previous = hash;
  }
}
