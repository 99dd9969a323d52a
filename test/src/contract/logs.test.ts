/** The log: JSON lines that name request and user, and hold no secret. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { api } from '../support/rest.js';
import { requestUpgrade, UpgradeRefused } from '../support/upgrade.js';
import { until } from '../support/wait.js';
import { forEachPair, type Stage, V1 } from './stage.js';

const SECRET = 's3cret-of-mine';

forEachPair({ env: { LOG_LEVEL: 'trace', METRICS_TOKEN: SECRET } }, (stage: Stage) => {
  test('the log is JSON, names request and user, and holds no token and no key', async () => {
    const { channel, owner } = await stage.channel();
    const path = `${V1}/channels/${channel.id}/ws`;
    const client = await owner.join(channel.id);
    for (const auth of ['header', 'subprotocol', 'subprotocol-pair', 'cookie'] as const) {
      await owner.open(path, { auth, origin: 'http://localhost:5173' });
    }
    const fresh = await stage.pair.token(owner.name);
    client.send({ type: 'auth', token: fresh });
    const bad = `${owner.token.slice(0, -40)}${'x'.repeat(40)}`;
    client.send({ type: 'auth', token: bad });
    await client.next('error');
    // Clients that put it where it does not belong.
    const { url } = stage.instance(owner.at);
    const strayed = `access_token=${owner.token}&token=${fresh}`;
    for (const target of [`/ws/chat?${strayed}`, `${path}?${strayed}`]) {
      const answer = await requestUpgrade(url + target);
      assert.equal(answer.status, 401);
    }
    await api(url).get(`${V1}/channels?${strayed}`);
    await api(url, bad).get(`${V1}/channels`);
    await api(url).get('/metrics', { headers: { authorization: `Bearer ${SECRET}` }, expect: 200 });
    await api(url).post(
      `${V1}/channels?${strayed}`,
      { name: owner.token },
      { headers: { cookie: `access_token=${bad}` } },
    );
    await owner.api().post(`${V1}/channels`, { token: owner.token, name: fresh.slice(0, 100) });
    await assert.rejects(owner.open(path, { token: bad }), UpgradeRefused);
    const id = `check-${randomUUID()}`;
    await owner.api().get(`${V1}/channels/${channel.id}`, { headers: { 'x-request-id': id }, expect: 200 });
    const line = await until(() => stage.instance(owner.at).logs.find(({ request_id }) => request_id === id));
    assert.equal(line.user_id, owner.id);
    const secrets = [owner.token, fresh, bad, SECRET, 'PRIVATE KEY', 'BEGIN '];
    for (const token of [owner.token, fresh, bad]) {
      secrets.push(Buffer.from(token).toString('base64url').slice(0, -4), token.split('.')[2] ?? token);
    }
    for (const { logs, output } of stage.pair.instances) {
      for (const text of output.split('\n')) {
        if (text !== '') assert.doesNotThrow(() => JSON.parse(text), text);
      }
      for (const each of logs) {
        const text = JSON.stringify(each);
        for (const secret of secrets) assert.ok(!text.includes(secret), `${secret.slice(0, 20)} in ${text}`);
        assert.equal(typeof each.level, 'number', text);
        assert.ok(typeof each.time === 'string' && !Number.isNaN(Date.parse(each.time)), text);
        assert.equal(typeof each.msg, 'string', text);
        if (each.msg === 'request') assert.equal(typeof each.request_id, 'string', text);
      }
      assert.equal(logs.filter(({ msg }) => String(msg).startsWith('Hubbub is ready')).length, 1);
    }
  });
});
