import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Pair, startPair } from '../support/pair.js';
import { api } from '../support/rest.js';
import { Swarm } from './swarm.js';

const CLIENTS_AN_INSTANCE = 1000;
const MESSAGES_A_SECOND = 50;
const SECONDS = 20;
const INSTANCES = 2;

describe('one channel over two instances, a thousand clients on each', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair('cluster');
  });
  after(() => pair.stop());

  it('brings every message to every client, once and in one order, while both sides send', async (t) => {
    const owner = await pair.token('owner');
    const { body } = await api(pair.at(0).url, owner).post<{ id: string }>('/api/v1/chat/channels', { name: 'crowd' });
    const expected = MESSAGES_A_SECOND * SECONDS;
    const swarms = await Promise.all(
      Array.from({ length: INSTANCES }, async (_, instance) =>
        Swarm.start({
          urls: [`${pair.at(instance).wsUrl}/api/v1/chat/channels/${body.id}/ws`],
          tokens: await Promise.all(
            Array.from({ length: CLIENTS_AN_INSTANCE }, (_, index) => pair.token(`member-${instance}-${index}`)),
          ),
          messagesPerSecond: MESSAGES_A_SECOND / INSTANCES,
          seconds: SECONDS,
          expected,
          sampleEvery: 50,
        }),
      ),
    );
    t.after(() => {
      for (const swarm of swarms) swarm.stop();
    });
    const reports = await Promise.all(swarms.map((swarm) => swarm.run()));

    const latenciesMs = reports.flatMap((report) => report.latenciesMs).sort((a, b) => a - b);
    const quantile = (part: number) => latenciesMs[Math.floor(latenciesMs.length * part)]?.toFixed(1);
    t.diagnostic(`end to end: p50 ${quantile(0.5)} ms, p95 ${quantile(0.95)} ms, p99 ${quantile(0.99)} ms`);
    assert.deepEqual(
      reports.flatMap((report) => report.faults),
      [],
      'gaps, doubles or steps back',
    );
    assert.deepEqual(
      reports.map((report) => report.complete),
      reports.map(() => CLIENTS_AN_INSTANCE),
    );
    assert.equal(new Set(reports.flatMap((report) => report.orders)).size, 1, 'the clients agree on the order');
  });
});
