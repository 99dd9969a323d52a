/** The audit trail: reading, filters, export, and that it is one with what it tells of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LogEntry, LogPage } from '@hubbub/protocol/moderation.js';
import { assertRefused, forEachPair, history, post, RFC3339_MS_UTC, type Stage, V1 } from '../contract/stage.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { assertChain, checkBan, lift, member, restrict, seen, trailOf } from './acts.js';

const COMMAND = fileURLToPath(new URL('../../../server/dist/hubbub.js', import.meta.url));

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('the trail is read newest first, in pages, by action and by user', async () => {
    const { channel, owner } = await stage.channel();
    const [one, two] = [await seen(stage), await seen(stage)];
    await restrict(owner, channel.id, 'ban', one, { reason: 'spam', duration_minutes: 5 });
    await restrict(owner, channel.id, 'mute', two);
    await lift(owner, channel.id, 'ban', one);
    await lift(owner, channel.id, 'mute', two);
    const all = await trailOf(owner, channel.id);
    assert.deepEqual(
      all.logs.map(({ action, target_user_id }) => [action, target_user_id]),
      [
        ['unmute', two.id],
        ['unban', one.id],
        ['mute', two.id],
        ['ban', one.id],
      ],
    );
    const last = all.logs.at(-1);
    assert.deepEqual(
      [last?.moderator_id, last?.moderator_username, last?.target_username, last?.reason],
      [owner.id, owner.name, one.name, 'spam'],
    );
    assert.match(last?.created_at ?? '', RFC3339_MS_UTC);
    const page = await trailOf(owner, channel.id, 'page=2&limit=3');
    assert.deepEqual([page.total, page.page, page.limit, page.logs.map(({ action }) => action)], [4, 2, 3, ['ban']]);
    const filtered = await trailOf(owner, channel.id, `action=ban&user_id=${one.id.toUpperCase()}`);
    assert.deepEqual([filtered.total, filtered.logs.length], [1, 1]);
    assert.equal((await trailOf(owner, channel.id, `action=ban&user_id=${two.id}`)).total, 0);
  });

  test('the trail and its exports are narrowed down by who acted, and by time', async () => {
    const { channel, owner } = await stage.channel();
    const [moderator, target] = [await member(stage, owner, channel.id, 'moderator'), await seen(stage)];
    await restrict(owner, channel.id, 'mute', target);
    await restrict(moderator, channel.id, 'ban', target);
    await lift(owner, channel.id, 'ban', target);
    const { logs: all } = await trailOf(owner, channel.id);
    const [unban, ban, mute] = all;
    assert.ok(unban !== undefined && ban !== undefined && mute !== undefined);
    // Times of a millisecond may be shared: what is asked for is compared with what the whole trail says.
    const from = new Date(Date.parse(ban.created_at)).toISOString();
    const inOtherZone = `${new Date(Date.parse(ban.created_at) + 2 * 3_600_000).toISOString().slice(0, -1)}%2B02:00`;
    const expected: Record<string, LogEntry[]> = {
      [`moderator_id=${moderator.id.toUpperCase()}`]: [ban],
      [`moderator_id=${target.id}`]: [],
      [`since=${from}`]: all.filter(({ created_at }) => created_at >= from),
      [`since=${inOtherZone}`]: all.filter(({ created_at }) => created_at >= from),
      [`until=${from}`]: all.filter(({ created_at }) => created_at < from),
      [`since=${mute.created_at}&until=${unban.created_at}`]: all.filter(
        ({ created_at }) => created_at >= mute.created_at && created_at < unban.created_at,
      ),
      [`since=${mute.created_at}&moderator_id=${owner.id}&user_id=${target.id}&action=unban`]: [unban],
      'since=2100-01-01T00:00:00Z': [],
      'until=2020-01-01T00:00:00Z': [],
    };
    const path = `${V1}/channels/${channel.id}/moderation-log`;
    for (const [query, entries] of Object.entries(expected)) {
      const page = await trailOf(owner, channel.id, query);
      assert.deepEqual([page.logs, page.total], [entries, entries.length], query);
      const csv = await owner.api().get<string>(`${path}/export?format=csv&${query}`, { expect: 200 });
      assert.equal(csv.body.trimEnd().split('\r\n').length, entries.length + 1, query);
      if (entries.length === 0) continue;
      const { body } = await owner.api().get<string>(`${path}/export?format=ndjson&${query}`, { expect: 200 });
      const lines = body.split('\n').filter((line) => line !== '');
      assert.deepEqual(
        lines.map((line) => JSON.parse(line) as LogEntry),
        [...entries].reverse(),
        query,
      );
    }
    const second = await trailOf(owner, channel.id, `since=${all.at(-1)?.created_at}&limit=2&page=2`);
    assert.deepEqual(second.logs, all.slice(2, 4));
    for (const query of ['since=yesterday', 'until=2026-01-31', 'moderator_id=ada', 'since=']) {
      for (const where of [`${path}?${query}`, `${path}/export?format=csv&${query}`]) {
        assertRefused(await owner.api().get(where), 400, 'INVALID_REQUEST');
      }
    }
  });

  test("the site's own trail is narrowed down as well", async () => {
    const [boss, other, user] = [
      await stage.user({ role: 'admin' }),
      await stage.user({ role: 'admin' }),
      await seen(stage),
    ];
    await boss.api().post(`${V1}/users/${user.id}/suspend`, {}, { expect: 200 });
    await other.api().delete(`${V1}/users/${user.id}/suspend`, { expect: 200 });
    const read = async (query: string) =>
      (await boss.api().get<LogPage>(`${V1}/moderation-log?user_id=${user.id}&${query}`, { expect: 200 })).body.logs;
    const actions = async (query: string) => (await read(query)).map(({ action }) => action);
    assert.deepEqual(await actions(`moderator_id=${boss.id}`), ['user_suspend']);
    assert.deepEqual(await actions(`moderator_id=${other.id}&since=2020-01-01T00:00:00Z`), ['user_restore']);
    assert.deepEqual(await actions('until=2020-01-01T00:00:00Z'), []);
    const path = `${V1}/moderation-log/export?format=ndjson&moderator_id=${boss.id}&user_id=${user.id}`;
    const { body } = await boss.api().get<string>(path, { expect: 200 });
    assert.equal((JSON.parse(body) as LogEntry).action, 'user_suspend');
  });

  test('a change of the channel itself has its row, and so has its end', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}`;
    await owner.api().patch(path, { slow_mode_seconds: 30, posting: 'members' }, { expect: 200 });
    const [entry] = (await trailOf(owner, channel.id, 'action=channel_update')).logs;
    assert.deepEqual(
      [entry?.moderator_id, entry?.target_user_id, entry?.details],
      [owner.id, null, { slow_mode_seconds: 30, posting: 'members' }],
    );
    await owner.api().delete(path, { expect: 200 });
    assert.equal((await owner.api().get(`${path}/moderation-log`)).status, 404);
    if (!stage.hasSql) return;
    const query = 'select action from chat_moderation_log where channel_id = $1 order by id';
    const rows = await stage.sql<{ action: string }>(query, [channel.id]);
    assert.deepEqual(
      rows.map(({ action }) => action),
      ['channel_update', 'channel_delete'],
    );
  });

  if (stage.hasSql)
    test('the command line checks the trails, and finds a row that was changed, taken away, or put in', async () => {
      const verify = async () => {
        const command = Child.start(process.execPath, [COMMAND, 'audit', 'verify'], {
          env: { ...cleanEnvironment(), ...stage.pair.env },
        });
        return (await (await command).exited).code;
      };
      assert.equal(await verify(), 0);
      const columns = 'channel_id, moderator_id, target_user_id, action, reason, details, created_at';
      for (const tamper of [
        "update chat_moderation_log set reason = 'because' where channel_id = $1 and action = 'mute'",
        "update chat_moderation_log set created_at = created_at - interval '1 day' where channel_id = $1 and action = 'mute'",
        "update chat_moderation_log set moderator_id = target_user_id where channel_id = $1 and action = 'mute'",
        `update chat_moderation_log set details = details || '{"more": 1}' where channel_id = $1 and action = 'mute'`,
        "delete from chat_moderation_log where channel_id = $1 and action = 'mute'",
        "delete from chat_moderation_log where channel_id = $1 and action = 'ban'",
        `insert into chat_moderation_log (${columns}, hash)
         select ${columns}, hash from chat_moderation_log where channel_id = $1 and action = 'mute'`,
      ]) {
        const { channel, owner } = await stage.channel();
        const target = await seen(stage);
        await restrict(owner, channel.id, 'ban', target, { reason: 'spam' });
        await restrict(owner, channel.id, 'mute', target);
        await lift(owner, channel.id, 'ban', target);
        await stage.sql('create table kept as select * from chat_moderation_log');
        await stage.sql(tamper, [channel.id]);
        assert.equal(await verify(), 1, tamper);
        await stage.sql('delete from chat_moderation_log where channel_id = $1', [channel.id]);
        await stage.sql(
          'insert into chat_moderation_log overriding system value select * from kept where channel_id = $1',
          [channel.id],
        );
        await stage.sql('drop table kept');
      }
      assert.equal(await verify(), 0);
    });

  test('exports have every row, oldest first, and their chain can be checked by anyone', async () => {
    const { channel, owner } = await stage.channel();
    const target = await seen(stage);
    const reason = '=cmd|"x", a\nnew line';
    await restrict(owner, channel.id, 'mute', target, { reason });
    await restrict(owner, channel.id, 'ban', target);
    const [message] = await post(owner, channel.id, ['hello']);
    assert.ok(message !== undefined);
    const path = `${V1}/channels/${channel.id}/moderation-log/export`;
    const ndjson = await owner.api().get<string>(`${path}?format=ndjson`, { expect: 200 });
    assert.match(ndjson.headers.get('content-type') ?? '', /^application\/x-ndjson/);
    assert.match(ndjson.headers.get('content-disposition') ?? '', /attachment/);
    const entries = ndjson.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LogEntry);
    assert.deepEqual(
      entries.map(({ action }) => action),
      ['mute', 'ban'],
    );
    assertChain(entries);
    const csv = await owner.api().get<string>(`${path}?format=csv&action=mute`, { expect: 200 });
    assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
    const [header, ...rest] = csv.body.split('\r\n');
    assert.match(header ?? '', /^id,created_at,action,/);
    // A spreadsheet must not take it for a formula.
    assert.ok(rest.join('\r\n').includes(`"'=cmd|""x"", a\nnew line"`), csv.body);
    assert.equal(rest.filter((line) => line !== '').length, 1);
  });

  if (stage.hasSql)
    test('an action whose row of the trail cannot be written leaves nothing', async () => {
      const { channel, owner } = await stage.channel();
      const target = await seen(stage);
      const client = await target.join(channel.id, { at: 1 });
      const [message] = await post(target, channel.id, ['stays']);
      await client.next('message');
      await stage.sql(`create function refuse() returns trigger language plpgsql as
        $$ begin if new.channel_id = '${channel.id}' then raise exception 'no room' using errcode = '57014'; end if; return new; end $$`);
      await stage.sql(
        'create trigger refuse before insert on chat_moderation_log for each row execute function refuse()',
      );
      try {
        const path = `${V1}/channels/${channel.id}`;
        const body = { user_id: target.id };
        const answers = [
          await owner.api().post(`${path}/ban`, body),
          await owner.api().post(`${path}/mute`, body),
          await owner.api().post(`${path}/members`, body),
          await owner.api().delete(`${V1}/messages/${message?.id}`),
        ];
        for (const answer of answers) assert.ok(answer.status >= 500, `${answer.status}`);
      } finally {
        await stage.sql('drop function refuse cascade');
      }
      assert.deepEqual(await checkBan(owner, channel.id, target), { is_banned: false, is_muted: false });
      const { body } = await target.api().get<{ role: unknown }>(`${V1}/channels/${channel.id}/role`, { expect: 200 });
      assert.equal(body.role, null);
      assert.equal((await history(owner, channel.id)).messages[0]?.content, 'stays');
      await client.expectNone(({ type }) => type !== 'presence', 0);
      assert.equal((await trailOf(owner, channel.id)).total, 0);
    });
});
