/** What the tests of auto-moderation do with a channel. */
import assert from 'node:assert/strict';
import type { HeldList, HeldNotice, Shield, UpdateAutoModeration } from '@hubbub/protocol/auto-moderation.js';
import type { LogEntry } from '@hubbub/protocol/moderation.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Stage, type User, V1 } from '../contract/stage.js';
import type { ApiResponse } from '../support/rest.js';
import { until } from '../support/wait.js';
import { trailOf } from './acts.js';

/** A channel with these rules, its owner on the first instance. */
export async function ruledChannel(
  stage: Stage,
  rules: UpdateAutoModeration,
  body: object = {},
): Promise<{ channel: Channel; owner: User }> {
  const { channel, owner } = await stage.channel(body, await stage.user({}, 0));
  await setRules(owner, channel.id, rules);
  return { channel, owner };
}

export async function setRules(by: User, channelId: string, rules: UpdateAutoModeration | null): Promise<void> {
  await by.api().patch(`${V1}/channels/${channelId}`, { auto_moderation: rules }, { expect: 200 });
}

export async function setShield(by: User, channelId: string, body: object): Promise<Shield> {
  return (await by.api().put<Shield>(`${V1}/channels/${channelId}/shield`, body, { expect: 200 })).body;
}

/** Posts over REST. @param at instance */
export function send(by: User, channelId: string, content: string, messageId?: string, at?: number) {
  const body = { content, ...(messageId === undefined ? {} : { message_id: messageId }) };
  return by.api(at).post<HeldNotice>(`${V1}/channels/${channelId}/messages`, body);
}

/** Posts a message that is held, and returns its id. */
export async function hold(by: User, channelId: string, content: string, messageId?: string): Promise<string> {
  const { status, body } = await send(by, channelId, content, messageId);
  assert.equal(status, 202, JSON.stringify(body));
  assert.equal(body.status, 'held');
  return body.message_id;
}

export async function heldIn(by: User, channelId: string, query = ''): Promise<HeldList> {
  return (await by.api().get<HeldList>(`${V1}/channels/${channelId}/held?${query}`, { expect: 200 })).body;
}

export function decide(
  by: User,
  channelId: string,
  id: string,
  decision: 'approve' | 'reject',
  more: object = {},
): Promise<ApiResponse<{ status: string; seq?: number }>> {
  return by.api().post(`${V1}/channels/${channelId}/held/${id}`, { decision, ...more });
}

/** The rows of the trail that the rules have written, oldest first, once they tell of `hits` messages. */
export async function hitsIn(by: User, channelId: string, hits: number): Promise<LogEntry[]> {
  let rows: LogEntry[] = [];
  await until(async () => {
    rows = (await trailOf(by, channelId, 'action=auto_moderation')).logs.reverse();
    return rows.reduce((sum, { details }) => sum + Number(details.count), 0) >= hits;
  });
  return rows;
}
