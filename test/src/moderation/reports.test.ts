/** Users report messages; moderators decide on each once. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { OwnReport, Report, ReportList, ResolveReportResult } from '@hubbub/protocol/reports.js';
import type { Message } from '@hubbub/protocol/rest.js';
import { assertRefused, forEachPair, history, post, range, type Stage, type User, V1 } from '../contract/stage.js';
import { api } from '../support/rest.js';
import { assertChain, assertCutOff, checkBan, member, restrict, seen, trailOf } from './acts.js';

const reportPath = (message: Message | undefined) => `${V1}/messages/${message?.id}/report`;
const reportsPath = (channelId: string) => `${V1}/channels/${channelId}/reports`;

async function report(by: User, message: Message | undefined, reason = 'rude'): Promise<OwnReport> {
  return (await by.api().post<OwnReport>(reportPath(message), { reason }, { expect: 201 })).body;
}

async function listed(by: User, channelId: string, query = ''): Promise<ReportList> {
  return (await by.api().get<ReportList>(`${reportsPath(channelId)}?${query}`, { expect: 200 })).body;
}

async function resolve(by: User, { channel_id, id }: OwnReport, body: object): Promise<ResolveReportResult> {
  const path = `${reportsPath(channel_id)}/${id}`;
  return (await by.api().post<ResolveReportResult>(path, body, { expect: 200 })).body;
}

const actionsOf = async (by: User, channelId: string) =>
  (await trailOf(by, channelId)).logs.map(({ action }) => action).filter((action) => action !== 'member_add');

forEachPair({ env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } }, (stage: Stage) => {
  test('a report keeps what the message said, is made once a user, and waits for the moderators', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one, two] = [await seen(stage), await seen(stage), await seen(stage)];
    const [message] = await post(author, channel.id, ['you fools']);
    const first = await report(one, message, '  insults us  ');
    const { id, created_at, ...rest } = first;
    assert.deepEqual(rest, {
      channel_id: channel.id,
      message_id: message?.id,
      reason: 'insults us',
      status: 'open',
    });
    const spelled = `${V1}/messages/${message?.id.toUpperCase()}/report`;
    const again = await one.api().post<OwnReport>(spelled, { reason: 'other words' }, { expect: 200 });
    assert.deepEqual(again.body, first);
    const second = await report(two, message);
    await author.api().delete(`${V1}/messages/${message?.id}`, { expect: 200 });
    assertRefused(await owner.api().post(reportPath(message), { reason: 'late' }), 409, 'CONFLICT');
    const open = await listed(owner, channel.id);
    assert.deepEqual([open.total, open.limit, open.offset], [2, 50, 0]);
    assert.deepEqual(
      open.reports.map((each) => each.id),
      [first.id, second.id],
    );
    assert.deepEqual(open.reports[0], {
      id,
      channel_id: channel.id,
      message_id: message?.id ?? '',
      message_seq: 1,
      message_deleted: true,
      author_id: author.id,
      author_username: author.name,
      content: 'you fools',
      reporter_id: one.id,
      reporter_username: one.name,
      reason: 'insults us',
      status: 'open',
      created_at,
      resolved_at: null,
      resolved_by: null,
      action: null,
      note: null,
    } satisfies Report);
    const page = await listed(owner, channel.id, 'limit=1&offset=1');
    assert.deepEqual([page.total, page.reports[0]?.id], [2, second.id]);
    assert.equal((await listed(owner, channel.id, 'status=resolved')).total, 0);
  });

  test('a dismissal resolves all reports of the message and leaves the message; it can be reported anew', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one, two] = [await seen(stage), await seen(stage), await seen(stage)];
    const [message, other] = await post(author, channel.id, ['harmless', 'another']);
    const [first, second, third] = [await report(one, message), await report(two, message), await report(one, other)];
    const answer = await resolve(owner, first, { action: 'dismiss', note: 'nothing in it' });
    assert.deepEqual(answer, { status: 'resolved', action: 'dismiss', resolved: 2, expires_at: null });
    const [done, open] = [await listed(owner, channel.id, 'status=resolved'), await listed(owner, channel.id)];
    assert.deepEqual(done.reports.map(({ id }) => id).sort(), [first.id, second.id].sort());
    for (const each of done.reports) {
      assert.deepEqual(
        [each.status, each.resolved_by, each.action, each.note],
        ['resolved', owner.id, 'dismiss', 'nothing in it'],
      );
    }
    assert.deepEqual(
      open.reports.map(({ id }) => id),
      [third.id],
    );
    assert.equal((await history(owner, channel.id)).messages[0]?.content, 'harmless');
    for (const each of [first, second]) {
      const late = await owner.api().post(`${reportsPath(channel.id)}/${each.id}`, { action: 'ban' });
      assertRefused(late, 409, 'CONFLICT');
    }
    assert.equal((await checkBan(owner, channel.id, author)).is_banned, false);
    const [entry] = (await trailOf(owner, channel.id)).logs;
    assert.deepEqual(
      [entry?.action, entry?.moderator_id, entry?.target_user_id, entry?.reason, entry?.details],
      [
        'report_resolve',
        owner.id,
        author.id,
        'nothing in it',
        {
          action: 'dismiss',
          reports: [first.id, second.id].sort(),
          message: { id: message?.id, seq: 1, content: 'harmless' },
        },
      ],
    );
    assert.notEqual((await report(one, message)).id, first.id);
  });

  test('the message is deleted with the decision, on open connections of every instance, once', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one] = [await seen(stage), await seen(stage)];
    const readers = await Promise.all([0, 1].map((at) => one.join(channel.id, { at })));
    const [message, second] = await post(author, channel.id, ['rude', 'ruder']);
    const [first, other] = [await report(one, message), await report(one, second)];
    await resolve(owner, first, { action: 'delete_message', note: 'rude' });
    for (const reader of readers) {
      const { message_id, message_seq, deleted_by } = await reader.next('message_deleted');
      assert.deepEqual([message_id, message_seq, deleted_by], [message?.id, 1, owner.id]);
    }
    assert.deepEqual(await actionsOf(owner, channel.id), ['message_delete', 'report_resolve']);
    // Deleted meanwhile: the report is resolved, and there is nothing left to delete.
    await author.api().delete(`${V1}/messages/${second?.id}`, { expect: 200 });
    await resolve(owner, other, { action: 'delete_message' });
    const { logs } = await trailOf(owner, channel.id);
    assert.deepEqual(
      logs.map(({ action }) => action),
      ['report_resolve', 'message_delete', 'report_resolve'],
    );
    assertChain([...logs].reverse());
    const { messages } = await history(owner, channel.id);
    assert.deepEqual(
      messages.map(({ content }) => content),
      ['', ''],
    );
  });

  for (const [action, told] of [
    ['ban', 'banned'],
    ['timeout', 'timed_out'],
  ] as const)
    test(`a ${action} by a report cuts the author off on every instance`, async () => {
      const { channel, owner } = await stage.channel();
      const [author, one] = [await seen(stage), await seen(stage)];
      const [message] = await post(author, channel.id, ['spam']);
      const filed = await report(one, message);
      const clients = await Promise.all([0, 1].map((at) => author.join(channel.id, { at })));
      const answer = await resolve(owner, filed, { action, note: 'spam', duration_minutes: 5 });
      assert.ok(Math.abs(Date.parse(answer.expires_at ?? '') - Date.now() - 300_000) < 30_000);
      for (const client of clients) assert.equal((await assertCutOff(client, told)).reason, 'spam');
      assertRefused(
        await author.api().post(`${V1}/channels/${channel.id}/messages`, { content: 'x' }),
        403,
        'FORBIDDEN',
      );
      assert.deepEqual(await actionsOf(owner, channel.id), [action, 'report_resolve']);
      const [entry] = (await trailOf(owner, channel.id)).logs;
      assert.deepEqual([entry?.reason, entry?.details.report_id], ['spam', filed.id]);
    });

  test('a mute by a report takes writing alone away', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one] = [await seen(stage), await seen(stage)];
    const [message] = await post(author, channel.id, ['noise']);
    const client = await author.join(channel.id, { at: 1 });
    const answer = await resolve(owner, await report(one, message), { action: 'mute' });
    assert.equal(answer.expires_at, null);
    assert.equal((await client.next('moderation')).action, 'muted');
    assert.deepEqual(await checkBan(author, channel.id), {
      is_banned: false,
      is_muted: true,
      expires_at: null,
      reason: null,
    });
  });

  test('two moderators at once: one decides, the other is told so, and one act is done', async () => {
    const { channel, owner } = await stage.channel();
    const moderators = [
      await member(stage, owner, channel.id, 'moderator', 0),
      await member(stage, owner, channel.id, 'moderator', 1),
    ];
    for (const round of range(1, 5)) {
      const [author, one] = [await seen(stage), await seen(stage)];
      const [message] = await post(author, channel.id, [`message ${round}`]);
      const filed = await report(one, message);
      const answers = await Promise.all(
        moderators.map((by, index) =>
          by.api().post(`${reportsPath(channel.id)}/${filed.id}`, { action: index === 0 ? 'ban' : 'delete_message' }),
        ),
      );
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      const banned = answers[0]?.status === 200;
      assert.equal((await checkBan(owner, channel.id, author)).is_banned, banned);
      const content = (await history(owner, channel.id)).messages.at(-1)?.content;
      assert.equal(content, banned ? `message ${round}` : '');
    }
    const { logs } = await trailOf(owner, channel.id, 'limit=100');
    assert.equal(logs.filter(({ action }) => action === 'report_resolve').length, 5);
    assert.equal(logs.filter(({ action }) => action === 'ban' || action === 'message_delete').length, 5);
    assertChain([...logs].reverse());
  });

  test('many who report at once, one of them many times, make one open report a user', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one, two] = [await seen(stage), await seen(stage), await seen(stage)];
    const [message] = await post(author, channel.id, ['hello']);
    const answers = await Promise.all(
      range(0, 7).map((at) => (at % 2 === 0 ? one : two).api(at).post(reportPath(message), { reason: `${at}` })),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 200, 201, 201]);
    assert.equal((await listed(owner, channel.id)).total, 2);
  });

  test('reports are read by moderators, and decided by those of higher rank than the author', async () => {
    const { channel, owner } = await stage.channel();
    const moderator = await member(stage, owner, channel.id, 'moderator');
    const peer = await member(stage, owner, channel.id, 'moderator');
    const [reporter, siteModerator] = [await seen(stage), await stage.user({ role: 'moderator' })];
    const boss = await stage.user({ role: 'admin' });
    const [ofModerator] = await post(moderator, channel.id, ['mine']);
    const [ofOwner] = await post(owner, channel.id, ['of the owner']);
    assertRefused(await moderator.api().post(reportPath(ofModerator), { reason: 'x' }), 403, 'FORBIDDEN', /yourself/);
    const [one, two] = [await report(reporter, ofModerator), await report(reporter, ofOwner)];
    for (const by of [moderator, peer, siteModerator, boss, owner]) {
      assert.equal((await listed(by, channel.id)).total, 2);
    }
    const path = (filed: OwnReport) => `${reportsPath(channel.id)}/${filed.id}`;
    assertRefused(await reporter.api().get(reportsPath(channel.id)), 403, 'FORBIDDEN');
    assertRefused(await reporter.api().post(path(one), { action: 'dismiss' }), 403, 'FORBIDDEN');
    for (const action of ['dismiss', 'delete_message', 'ban']) {
      // Not on himself, not on his equals, and not on the owner.
      for (const by of [moderator, peer]) assertRefused(await by.api().post(path(one), { action }), 403, 'FORBIDDEN');
      for (const by of [owner, siteModerator]) {
        assertRefused(await by.api().post(path(two), { action }), 403, 'FORBIDDEN');
      }
    }
    assert.equal((await listed(owner, channel.id)).total, 2);
    await resolve(siteModerator, one, { action: 'dismiss' });
    await resolve(boss, two, { action: 'delete_message' });
    assert.equal((await listed(owner, channel.id)).total, 0);
  });

  test('a private channel and its reports do not exist for those outside; the banned do not report', async () => {
    const { channel, owner } = await stage.channel({ channel_type: 'private' });
    const [inside, outsider] = [await member(stage, owner, channel.id), await seen(stage)];
    const [message] = await post(owner, channel.id, ['hidden']);
    const filed = await report(inside, message);
    const siteModerator = await stage.user({ role: 'moderator' });
    for (const by of [outsider, siteModerator]) {
      assertRefused(await by.api().post(reportPath(message), { reason: 'x' }), 404, 'MESSAGE_NOT_FOUND');
      assertRefused(await by.api().delete(`${V1}/messages/${message?.id}`), 404, 'MESSAGE_NOT_FOUND');
      assertRefused(await by.api().get(reportsPath(channel.id)), 404, 'CHANNEL_NOT_FOUND');
      const path = `${reportsPath(channel.id)}/${filed.id}`;
      assertRefused(await by.api().post(path, { action: 'dismiss' }), 404, 'CHANNEL_NOT_FOUND');
    }
    // A report is of its channel alone.
    const other = await stage.channel({}, owner);
    const strayed = `${reportsPath(other.channel.id)}/${filed.id}`;
    assertRefused(await owner.api().post(strayed, { action: 'dismiss' }), 404, 'REPORT_NOT_FOUND');
    await restrict(owner, channel.id, 'ban', inside);
    assertRefused(await inside.api().post(reportPath(message), { reason: 'x' }), 403, 'FORBIDDEN');
  });

  test('bad calls are refused, and past ten reports a minute a user has to wait', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one, two] = [await seen(stage), await seen(stage), await seen(stage)];
    const [message] = await post(author, channel.id, ['hello']);
    assertRefused(await api(stage.instance(0).url).post(reportPath(message), { reason: 'x' }), 401, 'UNAUTHORIZED');
    for (const body of [{}, { reason: '' }, { reason: ' \n' }, { reason: 'x'.repeat(1001) }, { reason: 'x', odd: 1 }])
      assertRefused(await one.api().post(reportPath(message), body), 400, 'INVALID_REQUEST');
    assertRefused(await one.api().post(`${V1}/messages/odd/report`, { reason: 'x' }), 400, 'INVALID_REQUEST');
    const nowhere = `${V1}/messages/${randomUUID()}/report`;
    assertRefused(await one.api().post(nowhere, { reason: 'x' }), 404, 'MESSAGE_NOT_FOUND');
    const filed = await report(one, message);
    const path = `${reportsPath(channel.id)}/${filed.id}`;
    for (const body of [
      {},
      { action: 'praise' },
      { action: 'timeout' },
      { action: 'timeout', duration_minutes: 43_201 },
      { action: 'dismiss', duration_minutes: 5 },
      { action: 'ban', duration_minutes: 0 },
      { action: 'ban', note: 'x'.repeat(1001) },
      { action: 'ban', odd: 1 },
    ])
      assertRefused(await owner.api().post(path, body), 400, 'INVALID_REQUEST');
    assertRefused(await owner.api().post(`${reportsPath(channel.id)}/odd`, { action: 'ban' }), 400, 'INVALID_REQUEST');
    const unknown = `${reportsPath(channel.id)}/${randomUUID()}`;
    assertRefused(await owner.api().post(unknown, { action: 'ban' }), 404, 'REPORT_NOT_FOUND');
    for (const query of ['status=odd', 'limit=0', 'limit=101', 'offset=-1', 'odd=1'])
      assertRefused(await owner.api().get(`${reportsPath(channel.id)}?${query}`), 400, 'INVALID_REQUEST');
    assert.equal((await checkBan(owner, channel.id, author)).is_banned, false);
    const answers = await Promise.all(range(1, 11).map((at) => two.api(at).post(reportPath(message), { reason: 'x' })));
    const limited = answers.filter(({ status }) => status === 429);
    assert.equal(limited.length, 1);
    assert.ok(Number(limited[0]?.headers.get('retry-after')) >= 1);
  });

  if (stage.hasSql)
    test('a decision whose act cannot be logged leaves the report open and nothing done', async () => {
      const { channel, owner } = await stage.channel();
      const [author, one] = [await seen(stage), await seen(stage)];
      const [message] = await post(author, channel.id, ['spam']);
      const filed = await report(one, message);
      await stage.sql(`create function refuse_ban() returns trigger language plpgsql as $$ begin
        if new.channel_id = '${channel.id}' and new.action = 'ban' then
          raise exception 'no room' using errcode = '57014'; end if; return new; end $$`);
      await stage.sql(
        'create trigger refuse_ban before insert on chat_moderation_log for each row execute function refuse_ban()',
      );
      try {
        const answer = await owner.api().post(`${reportsPath(channel.id)}/${filed.id}`, { action: 'ban' });
        assert.ok(answer.status >= 500, `${answer.status}`);
      } finally {
        await stage.sql('drop function refuse_ban cascade');
      }
      assert.equal((await listed(owner, channel.id)).reports[0]?.id, filed.id);
      assert.equal((await checkBan(owner, channel.id, author)).is_banned, false);
      assert.equal((await trailOf(owner, channel.id)).total, 0);
      await resolve(owner, filed, { action: 'ban' });
    });

  test('what a user reported, and what of his was reported, is in his data; erasing it empties both', async () => {
    const { channel, owner } = await stage.channel();
    const [author, one] = [await seen(stage), await seen(stage)];
    const [message] = await post(author, channel.id, ['secret words']);
    await report(one, message, 'reason of one');
    const dataOf = async (user: User) => (await user.api().get<string>(`${V1}/users/${user.id}/export`)).body;
    const [ofAuthor, ofReporter] = [await dataOf(author), await dataOf(one)];
    assert.match(ofReporter, /"kind":"report".*reason of one/);
    assert.doesNotMatch(ofReporter, /secret words/);
    assert.match(ofAuthor, /"kind":"reported".*secret words/);
    assert.doesNotMatch(ofAuthor, new RegExp(`reason of one|${one.id}`));
    const boss = await stage.user({ role: 'admin' });
    await boss.api().post(`${V1}/users/${one.id}/erase`, { messages: 'anonymise' }, { expect: 200 });
    await boss.api().post(`${V1}/users/${author.id}/erase`, { messages: 'delete' }, { expect: 200 });
    const [left] = (await listed(owner, channel.id)).reports;
    assert.deepEqual([left?.content, left?.reason, left?.message_deleted], ['', '', true]);
    assert.match(left?.reporter_username ?? '', /^erased-/);
    assert.match(left?.author_username ?? '', /^erased-/);
  });
});
