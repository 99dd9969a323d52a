/** What happens when much happens at once, on two instances. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { RestrictionList } from '@hubbub/protocol/moderation.js';
import type { Channel } from '@hubbub/protocol/rest.js';
import { history, isMessage, nextMessages, range, Stage, type User, V1 } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { until } from '../support/wait.js';
import { assertChain, checkBan, lift, member, restrict, seen, trailOf } from './acts.js';

const stage = new Stage('cluster', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
before(() => stage.start());
afterEach(() => stage.closeClients());
after(() => stage.stop());

async function headOf(by: User, channelId: string): Promise<number> {
  return (await by.api().get<Channel>(`${V1}/channels/${channelId}`, { expect: 200 })).body.last_seq;
}

async function isClosed(client: ChatClient): Promise<boolean> {
  return await Promise.race([client.closed.then(() => true), new Promise<false>((done) => setImmediate(done, false))]);
}

for (const what of ['ban', 'mute'] as const) {
  test(`no message of a user has a place after his ${what}, however many are under way`, async () => {
    const { channel, owner } = await stage.channel();
    const target = await seen(stage);
    const others = await Promise.all([0, 1].map((at) => owner.join(channel.id, { at })));
    const own = await Promise.all([0, 1].map((at) => target.join(channel.id, { at })));
    const posts: Promise<{ status: number; body: { seq?: number; code?: string } }>[] = [];
    let done = false;
    const flood = async () => {
      for (let number = 0; !done; number++) {
        for (const client of [...own, ...others]) client.send({ type: 'message', content: `message ${number}` });
        posts.push(target.api(number).post(`${V1}/channels/${channel.id}/messages`, { content: `rest ${number}` }));
        await new Promise((resolve) => setImmediate(resolve));
        if (number % 3 === 2) await posts.at(-1);
      }
    };
    const flooding = flood();
    await nextMessages(others[0] as ChatClient, 100);
    await restrict(owner, channel.id, what, target);
    const head = await headOf(owner, channel.id);
    done = true;
    await flooding;
    const answers = await Promise.all(posts);
    // Whoever is still connected hears others' messages past the ban.
    const last = await owner
      .api()
      .post<{ seq: number }>(`${V1}/channels/${channel.id}/messages`, { content: 'last' }, { expect: 201 });
    assert.ok(last.body.seq > head);
    const rows = await stage.sql<{ seq: string; created_at: Date }>(
      'select max(seq) as seq, max(created_at) as created_at from chat_messages where channel_id = $1 and user_id = $2',
      [channel.id, target.id],
    );
    const [latest] = rows;
    assert.ok(latest !== undefined && Number(latest.seq) > 0 && Number(latest.seq) <= head, JSON.stringify(rows));
    const [entry] = (await trailOf(owner, channel.id)).logs;
    // Times are kept to the millisecond, one of them rounded and the other cut.
    assert.ok(latest.created_at.getTime() <= Date.parse(entry?.created_at ?? '') + 1);
    for (const { status, body } of answers) {
      if (status === 201) assert.ok((body.seq ?? 0) <= Number(latest.seq));
      else assert.ok(['FORBIDDEN', 'MUTED'].includes(body.code ?? ''), JSON.stringify(body));
    }
    const late = await target.api().post(`${V1}/channels/${channel.id}/messages`, { content: 'late' });
    assert.equal(late.status, 403);
    // Nobody lost a place over it.
    const { messages } = await history(owner, channel.id, `before_seq=${last.body.seq + 1}&limit=100`);
    assert.deepEqual(
      messages.map(({ seq }) => seq),
      range(last.body.seq - messages.length + 1, last.body.seq),
    );
  });
}

test('whoever comes in at the very time of his ban is not there afterwards', async () => {
  const { channel, owner } = await stage.channel();
  const reader = await owner.join(channel.id);
  for (const round of range(1, 5)) {
    const target = await seen(stage);
    const tries = range(1, 16).map((at) =>
      target.open(`${V1}/channels/${channel.id}/ws`, { at }).then(
        (client) => client,
        () => null,
      ),
    );
    const wave = Promise.all(tries);
    if (round % 2 === 0) await Promise.race(tries);
    const minutes = round === 5 ? { duration_minutes: 5 } : {};
    const banning = restrict(owner, channel.id, round === 5 ? 'timeout' : 'ban', target, minutes);
    const clients = (await wave).filter((client) => client !== null);
    await banning;
    await until(async () => (await Promise.all(clients.map(isClosed))).every(Boolean), {
      timeoutMs: 2000,
      message: `all of ${clients.length} connections to be closed in round ${round}`,
    });
    for (const client of clients) assert.equal((await client.closed).code, 4003);
  }
  assert.equal(await isClosed(reader), false);
});

test('whoever comes in at the very time of his suspension is not there afterwards', async () => {
  const { channel } = await stage.channel();
  const boss = await stage.user({ role: 'admin' });
  for (const round of range(1, 5)) {
    const target = await seen(stage);
    const tries = range(1, 16).map((at) =>
      target.open(at % 3 === 0 ? '/ws/chat' : `${V1}/channels/${channel.id}/ws`, { at }).then(
        (client) => client,
        () => null,
      ),
    );
    const wave = Promise.all(tries);
    if (round % 2 === 0) await Promise.race(tries);
    await boss.api(round).post(`${V1}/users/${target.id}/suspend`, {}, { expect: 200 });
    const clients = (await wave).filter((client) => client !== null);
    await until(async () => (await Promise.all(clients.map(isClosed))).every(Boolean), {
      timeoutMs: 2500,
      message: `all of ${clients.length} connections to be closed in round ${round}`,
    });
    for (const client of clients) assert.equal((await client.closed).code, 4001);
  }
});

test('one who connects while his ban is lifted is in or out, and in at last', async () => {
  const { channel, owner } = await stage.channel();
  const target = await seen(stage);
  for (const round of range(1, 5)) {
    await restrict(owner, channel.id, 'ban', target);
    const lifting = lift(owner, channel.id, 'ban', target);
    const tries = await Promise.allSettled(
      range(1, 6).map((at) => target.open(`${V1}/channels/${channel.id}/ws`, { at })),
    );
    await lifting;
    for (const each of tries) if (each.status === 'fulfilled') await each.value.next('subscribed');
    const client = await target.join(channel.id, { at: round });
    await client.close();
  }
});

test('moderators who ban and unban one user at once leave at most one ban and a chain that holds', async () => {
  const { channel, owner } = await stage.channel();
  const target = await seen(stage);
  const moderators = [
    await member(stage, owner, channel.id, 'moderator', 0),
    await member(stage, owner, channel.id, 'moderator', 1),
    owner,
  ];
  const path = `${V1}/channels/${channel.id}/ban`;
  const answers = await Promise.all(
    range(1, 8).flatMap((round) =>
      moderators.map((by) =>
        round % 3 === 0
          ? by.api().delete(`${path}/${target.id}`)
          : by.api().post(path, { user_id: target.id, reason: `${round}` }),
      ),
    ),
  );
  for (const { status } of answers) assert.ok(status === 200 || status === 404, `${status}`);
  await restrict(owner, channel.id, 'ban', target);
  const { body } = await owner.api().get<RestrictionList>(`${V1}/channels/${channel.id}/bans`, { expect: 200 });
  assert.equal(body.total, 1);
  const succeeded = answers.filter(({ status }) => status === 200).length;
  const { total, logs } = await trailOf(owner, channel.id, 'limit=100');
  assert.equal(total, succeeded + 1 + 2);
  assertChain([...logs].reverse());
  const times = logs.map(({ created_at }) => created_at);
  assert.deepEqual(times, [...times].sort().reverse());
});

test('two who take each other’s role away: one was first, and the other may no more', async () => {
  const { channel, owner } = await stage.channel();
  for (const _ of range(1, 3)) {
    const [one, two] = [
      await member(stage, owner, channel.id, 'admin', 0),
      await member(stage, owner, channel.id, 'moderator', 1),
    ];
    // The owner demotes him while he acts: either his act came first, or it is refused.
    const path = `${V1}/channels/${channel.id}/members`;
    const [demoted, removed] = await Promise.all([
      owner.api().patch(`${path}/${one.id}`, { role: 'member' }),
      one.api().delete(`${path}/${two.id}`),
    ]);
    assert.equal(demoted.status, 200);
    assert.ok(removed.status === 200 || removed.status === 403, `${removed.status}`);
    const { logs } = await trailOf(owner, channel.id, 'limit=2');
    const actions = logs.map(({ action }) => action);
    assert.deepEqual(
      actions,
      removed.status === 200 ? ['role_change', 'member_remove'] : ['role_change', 'member_add'],
    );
  }
});

test('two owners at once there never are, whoever hands the ownership on at the same time', async () => {
  const { channel, owner } = await stage.channel();
  const heirs = [
    await member(stage, owner, channel.id, 'member', 0),
    await member(stage, owner, channel.id, 'member', 1),
  ];
  const boss = await stage.user({ role: 'admin' });
  const path = `${V1}/channels/${channel.id}/transfer`;
  await Promise.all(range(1, 8).map((round) => boss.api(round).post(path, { user_id: heirs[round % 2]?.id })));
  const rows = await stage.sql("select user_id from channel_members where channel_id = $1 and role = 'owner'", [
    channel.id,
  ]);
  assert.equal(rows.length, 1);
});

for (const [what, table] of [
  ['timeout', 'chat_bans'],
  ['mute', 'chat_mutes'],
] as const)
  test(`at the edge of its end a ${what} either holds or is over, the same for all that it forbids`, async () => {
    const { channel, owner } = await stage.channel();
    const target = await seen(stage);
    const client = what === 'mute' ? await target.join(channel.id, { at: 1 }) : null;
    await restrict(owner, channel.id, what, target);
    await stage.sql(`update ${table} set expires_at = clock_timestamp() + interval '200 ms' where channel_id = $1`, [
      channel.id,
    ]);
    let over = false;
    await until(async () => {
      const { status } = await target.api(0).post(`${V1}/channels/${channel.id}/messages`, { content: 'hello' });
      assert.ok(status === 201 || (status === 403 && !over), `${status} after it was over: ${over}`);
      over = status === 201;
      return over;
    });
    const check = await checkBan(target, channel.id);
    assert.deepEqual([check.is_banned, check.is_muted], [false, false]);
    const here = client ?? (await target.join(channel.id, { at: 1 }));
    here.send({ type: 'message', content: 'and here' });
    await here.next(isMessage('and here'));
  });
