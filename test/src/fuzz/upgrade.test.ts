/** Fifteen thousand requests for an upgrade, most of which must not be granted. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Random } from '../torture/random.js';
import { checkAnswer } from './check-answer.js';
import { inHalves, Tally } from './halves.js';
import { HttpSocket } from './http-socket.js';
import { makePools, SEED } from './pools.js';
import { context, Target } from './target.js';
import { makeUpgrade, type UpgradeCast } from './upgrades.js';
import { inParallel } from './workers.js';

/** Cases of a half. */
const UPGRADES = 7500;
const AT_ONCE = 8;
const USERS = 20;

let target: Target;
let host: string;
let cast: UpgradeCast;

before(async () => {
  target = await Target.start({});
  host = new URL(target.url).host;
  const tokens = await target.tokens('upgrade', USERS);
  cast = { tokens, channelIds: await target.channels(tokens.slice(0, 2)) };
});
after(() => target.stop());

test('fifteen thousand upgrades: only the valid ones are granted', { timeout: 280_000 }, async (t) => {
  const tally = new Tally();
  const readings = await inHalves(target, async (half) => {
    const pools = makePools(10 + half);
    const random = new Random(SEED + 10 + half);
    await inParallel(UPGRADES, AT_ONCE, async (index) => {
      const { bytes, verdict } = makeUpgrade(random.fork(index), cast, pools, host);
      const socket = new HttpSocket(target.port);
      try {
        // A request that must be granted is not ended by its sender, who then has nothing to say.
        const [answer] = await socket.exchange(bytes, verdict === 'valid' ? ['GET'] : null);
        tally.add(answer?.status ?? 'closed');
        if (verdict === 'valid') assert.equal(answer?.status, 101, context(`refused: ${answer?.body}`, bytes));
        if (verdict === 'invalid') assert.notEqual(answer?.status, 101, context('granted', bytes));
        if (answer !== undefined) checkAnswer(answer, null, bytes);
      } finally {
        socket.destroy();
      }
    });
  });
  assert.ok((tally.counts[101] ?? 0) > UPGRADES / 10);
  for (const status of [400, 401, 403, 404]) assert.ok((tally.counts[status] ?? 0) > 100, `few ${status}`);
  await target.assertServes();
  t.diagnostic(JSON.stringify({ ...tally.counts, readings }));
});
