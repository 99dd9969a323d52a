import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Rights } from './rights.js';
import type { ChannelStandings, StandingRow } from './store/people.js';

const CHANNEL = '6f9619ff-8b86-4d01-b42d-00cf4fc964ff';

/** A database of one channel, with its reads written down. */
class Stage {
  version = 1;
  channelType: ChannelStandings['channelType'] = 'public';
  posting: ChannelStandings['posting'] = 'everyone';
  gone = false;
  readonly users = new Map<string, StandingRow>();
  readonly reads: string[][] = [];
  readonly rights = new Rights((_, userIds) => {
    this.reads.push([...userIds]);
    if (this.gone) return Promise.resolve(null);
    const { version: accessVersion, channelType, posting } = this;
    return Promise.resolve({
      accessVersion,
      channelType,
      posting,
      policyVersion: this.version * 10,
      users: new Map(this.users),
    });
  });

  user(userId: string, more: Partial<StandingRow> = {}): void {
    const plain = { site_role: 'user', role: null, is_banned: false, is_muted: false, is_newcomer: false } as const;
    this.users.set(userId, { user_id: userId, username: userId, ...plain, ...more });
  }

  /** The codes of those who are refused, by their names. */
  async check(...userIds: string[]): Promise<Record<string, string>> {
    const { version, policyVersion, refusals } = await this.rights.check(CHANNEL, new Set(userIds));
    assert.equal(version, this.version);
    assert.equal(policyVersion, this.version * 10);
    return Object.fromEntries([...refusals].map(([userId, { code }]) => [userId, code]));
  }
}

test('who may write is remembered, and no look is needed for him again', async () => {
  const stage = new Stage();
  for (const userId of ['ada', 'bob']) stage.user(userId);
  assert.deepEqual(await stage.check('ada', 'bob'), {});
  assert.deepEqual(await stage.check('ada'), {});
  assert.deepEqual(await stage.check('bob', 'ada'), {});
  assert.deepEqual(stage.reads, [['ada', 'bob']]);
});

test('a refusal is never remembered: its end is seen at once', async () => {
  const stage = new Stage();
  stage.user('ada', { is_muted: true });
  stage.user('bob');
  assert.deepEqual(await stage.check('ada', 'bob'), { ada: 'MUTED' });
  assert.deepEqual(await stage.check('ada'), { ada: 'MUTED' });
  // A mute that ends by itself raises no version.
  stage.user('ada');
  assert.deepEqual(await stage.check('ada'), {});
  assert.equal(stage.reads.length, 3);
});

test('what is remembered of one version does not hold for another', async () => {
  const stage = new Stage();
  for (const userId of ['ada', 'bob', 'eve']) stage.user(userId);
  assert.deepEqual(await stage.check('ada', 'bob'), {});
  stage.version = 2;
  stage.user('ada', { is_banned: true });
  assert.deepEqual(await stage.check('eve'), {}, 'eve is new: this look shows the new version');
  assert.deepEqual(await stage.check('ada', 'bob'), { ada: 'FORBIDDEN' });
  assert.equal(stage.reads.length, 3);
});

test('in the same version more people are remembered beside the first', async () => {
  const stage = new Stage();
  for (const userId of ['ada', 'bob']) stage.user(userId);
  await stage.check('ada');
  await stage.check('bob');
  await stage.check('ada', 'bob');
  assert.equal(stage.reads.length, 2);
});

test('what is forgotten is looked at again', async () => {
  const stage = new Stage();
  stage.user('ada');
  await stage.check('ada');
  stage.rights.forget(CHANNEL);
  stage.version = 2;
  stage.user('ada', { is_banned: true });
  assert.deepEqual(await stage.check('ada'), { ada: 'FORBIDDEN' });
});

test('a channel that is gone is told as that, and forgotten', async () => {
  const stage = new Stage();
  stage.user('ada');
  await stage.check('ada');
  stage.user('bob');
  stage.gone = true;
  await assert.rejects(stage.check('bob'), { code: 'CHANNEL_NOT_FOUND' });
  await assert.rejects(stage.check('ada'), { code: 'CHANNEL_NOT_FOUND' });
});

test('each is judged for himself: bans, mutes, private channels, posting modes', async () => {
  const stage = new Stage();
  stage.user('banned', { is_banned: true, role: 'member' });
  stage.user('muted', { is_muted: true, role: 'admin' });
  stage.user('both', { is_muted: true, is_banned: true });
  stage.user('nobody');
  stage.user('member', { role: 'member' });
  stage.user('moderator', { role: 'moderator' });
  stage.user('site-moderator', { site_role: 'moderator' });
  stage.user('site-admin', { site_role: 'admin' });
  const all = [...stage.users.keys(), 'unknown'];
  const always = { banned: 'FORBIDDEN', muted: 'MUTED', both: 'FORBIDDEN', unknown: 'FORBIDDEN' };
  assert.deepEqual(await stage.check(...all), always);
  stage.posting = 'members';
  assert.deepEqual(await stage.check(...all), { ...always, nobody: 'READ_ONLY' });
  stage.posting = 'staff';
  assert.deepEqual(await stage.check(...all), { ...always, nobody: 'READ_ONLY', member: 'READ_ONLY' });
  stage.posting = 'everyone';
  stage.channelType = 'private';
  const outside = { nobody: 'FORBIDDEN', 'site-moderator': 'FORBIDDEN' };
  assert.deepEqual(await stage.check(...all), { ...always, ...outside });
});

test('a newcomer may not write while the shield asks for more, unless he is staff', async () => {
  const stage = new Stage();
  stage.user('ada', { role: 'member', is_newcomer: true });
  stage.user('bob', { role: 'moderator', is_newcomer: true });
  stage.user('eve', { site_role: 'moderator', is_newcomer: true });
  stage.user('old', { role: 'member' });
  assert.deepEqual(await stage.check('ada', 'bob', 'eve', 'old'), { ada: 'READ_ONLY' });
});
