import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { until } from '../support/wait.js';
import { Member } from '../swarm/member.js';

const READERS = 1000;
const FROZEN = 50;
const MESSAGE_CHARS = 16_000;
/** Messages under way at a time: the readers keep up, so that a delay of theirs would show. */
const WINDOW = 4;
/** What the kernel takes for a socket that nobody reads, and the server's own bound, are well below this. */
const TOTAL_BYTES = 9_000_000;

describe('readers that do not read', () => {
  let pair: Pair;
  before(async () => {
    const env = { CHAT_RATE_LIMIT_PER_MINUTE: '0', CHAT_MESSAGE_MAX_CHARS: String(MESSAGE_CHARS) };
    pair = await startPair('cluster', { instances: 1, env });
  });
  after(() => pair.stop());

  it('are closed as too slow, resume later, and never delay the others', async (t) => {
    const base = pair.at(0);
    const token = await pair.token('owner');
    const { body } = await api(base.url, token).post<{ id: string }>('/api/v1/chat/channels', { name: 'large' });
    const url = `${base.wsUrl}/api/v1/chat/channels/${body.id}/ws`;
    const members = Array.from({ length: READERS }, () => new Member(url, token, null));
    t.after(() => Promise.all(members.map((member) => member.close())));
    await Promise.all(members.map((member) => member.open()));
    const frozen = members.slice(0, FROZEN);
    const reading = members.slice(FROZEN);
    await Promise.all(frozen.map((member) => member.pause()));

    const total = Math.ceil(TOTAL_BYTES / MESSAGE_CHARS);
    const content = 'x'.repeat(MESSAGE_CHARS);
    const [sender] = reading;
    assert.ok(sender !== undefined);
    for (let sent = 0; sent < total; sent++) {
      await until(() => reading.every((member) => member.received > sent - WINDOW), {
        timeoutMs: 20_000,
        message: `every reader that reads has message ${sent - WINDOW}`,
      });
      await sender.send({ type: 'message', content });
    }
    await until(() => reading.every((member) => member.received === total), { timeoutMs: 20_000 });
    assert.deepEqual(
      reading.flatMap((member) => member.faults),
      [],
    );

    const { body: metrics } = await api(base.url).get<string>('/metrics');
    const closed = /^hubbub_slow_consumers_closed_total (\d+)$/m.exec(String(metrics))?.[1];
    assert.equal(Number(closed), FROZEN, 'all frozen readers were closed, and nobody else');
    const [first] = frozen;
    assert.ok(first !== undefined);
    await first.resume();
    await until(() => first.ended, { timeoutMs: 10_000, message: 'the reader that reads again sees its end' });
    assert.equal(first.closeCode, 4008);
    assert.ok((first.lastSeq ?? 0) < total, 'it has not got everything');
    const back = new Member(`${url}?last_seq=${first.lastSeq}`, token, null);
    t.after(() => back.close());
    await back.open();
    await until(() => (first.lastSeq ?? 0) + back.received === total, { message: 'it has got the rest' });
    assert.deepEqual([...first.faults, ...back.faults], []);
    // One connection more than the readers that read: the one that came back.
    const connections = async () =>
      (await api(base.url).get<{ total_connections: number }>('/api/v1/chat/health')).body.total_connections;
    await until(async () => (await connections()) === READERS - FROZEN + 1, {
      timeoutMs: 25_000,
      message: 'the sockets of the frozen readers are let go',
    });
  });
});
