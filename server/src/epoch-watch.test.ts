import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { EpochWatch } from './epoch-watch.js';
import { createLogger } from './log.js';

const LOST = { channelId: 'c', seq: 7 };

class Stage {
  readonly steps: string[] = [];
  isBehind = true;
  onAsk: () => Promise<void> | void = () => {};
  readonly watch = new EpochWatch({
    log: createLogger('silent'),
    renewIfBehind: async (epoch, channelId, seq) => {
      this.steps.push(`ask ${epoch} ${channelId} ${seq}`);
      await this.onAsk();
      return this.isBehind;
    },
    reset: () => this.steps.push('reset'),
  });
}

test('an epoch that is not ours any more resets the instance without a further question', async () => {
  const stage = new Stage();
  stage.watch.noticed('e', null);
  await turn();
  assert.deepEqual(stage.steps, ['reset']);
});

test('a place that is gone begins another epoch first, once for all channels that are behind', async () => {
  const stage = new Stage();
  stage.watch.noticed('e', LOST);
  stage.watch.noticed('e', { channelId: 'd', seq: 9 });
  await turn();
  assert.deepEqual(stage.steps, ['ask e c 7', 'reset']);
});

// The answer came from a copy that lags, or another instance was first.
test('a place that is there after all resets nothing', async () => {
  const stage = new Stage();
  stage.isBehind = false;
  stage.watch.noticed('e', LOST);
  await turn();
  assert.deepEqual(stage.steps, ['ask e c 7']);
});

test('a database that is away meanwhile is asked again at the next notice', async () => {
  const stage = new Stage();
  stage.onAsk = () => {
    stage.onAsk = () => {};
    throw new Error('away');
  };
  stage.watch.noticed('e', LOST);
  await turn();
  stage.watch.noticed('e', LOST);
  await turn();
  assert.deepEqual(stage.steps, ['ask e c 7', 'ask e c 7', 'reset']);
});
