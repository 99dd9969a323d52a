import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { MemoryLimiter, type Rate, type RateDecision } from './limiter.js';

const limiters: MemoryLimiter[] = [];
after(() => {
  for (const limiter of limiters) limiter.close();
});

/** A limiter with a clock of its own. */
function open(startMs = 1_764_000_000_123): {
  take: (key: string, rate: Rate) => RateDecision;
  pass: (ms: number) => void;
} {
  let now = startMs;
  const limiter = new MemoryLimiter(() => now);
  limiters.push(limiter);
  return {
    take: (key, rate) => limiter.take(key, rate),
    pass: (ms) => {
      now += ms;
    },
  };
}

const TWENTY: Rate = { perMinute: 20, burst: 20 };

test('20 messages pass at once and the 21st is refused', () => {
  const { take } = open();
  for (let use = 1; use <= 20; use++) {
    assert.deepEqual(take('ada', TWENTY), { allowed: true, remaining: 20 - use, retryAfterMs: 0, resetMs: use * 3000 });
  }
  assert.deepEqual(take('ada', TWENTY), { allowed: false, remaining: 0, retryAfterMs: 3000, resetMs: 60_000 });
});

test('the wait told is exact: a moment earlier is refused, at its end one passes', () => {
  const { take, pass } = open();
  for (let use = 0; use < 20; use++) take('ada', TWENTY);
  const { retryAfterMs } = take('ada', TWENTY);
  pass(retryAfterMs - 1);
  assert.deepEqual(take('ada', TWENTY).retryAfterMs, 1);
  pass(1);
  assert.equal(take('ada', TWENTY).allowed, true);
  assert.equal(take('ada', TWENTY).allowed, false);
});

test('a refusal costs nothing: asking again and again does not put the end off', () => {
  const { take, pass } = open();
  for (let use = 0; use < 20; use++) take('ada', TWENTY);
  for (let asked = 0; asked < 30; asked++) {
    assert.equal(take('ada', TWENTY).allowed, false);
    pass(100);
  }
  assert.equal(take('ada', TWENTY).allowed, true);
});

test('the whole burst is there again after the time told, not after a moment less', () => {
  for (const early of [0, 1]) {
    const { take, pass } = open();
    for (let use = 0; use < 20; use++) take('ada', TWENTY);
    pass(take('ada', TWENTY).resetMs - early);
    let passed = 0;
    while (take('ada', TWENTY).allowed) passed++;
    assert.equal(passed, 20 - early);
  }
});

test('idleness saves up no more than one burst', () => {
  const { take, pass } = open();
  take('ada', TWENTY);
  pass(24 * 3600 * 1000);
  let passed = 0;
  while (take('ada', TWENTY).allowed) passed++;
  assert.equal(passed, 20);
});

test('a burst smaller than the rate bounds what goes at once, not what goes in a minute', () => {
  const { take, pass } = open();
  const rate: Rate = { perMinute: 60, burst: 3 };
  let passed = 0;
  for (let second = 0; second < 60; second++) {
    while (take('ada', rate).allowed) passed++;
    pass(1000);
  }
  assert.equal(passed, 3 + 59);
});

test('a burst larger than the rate may be used at once and comes back at the rate', () => {
  const { take, pass } = open();
  const rate: Rate = { perMinute: 6, burst: 10 };
  for (let use = 0; use < 10; use++) assert.equal(take('ada', rate).remaining, 9 - use);
  assert.deepEqual(take('ada', rate), { allowed: false, remaining: 0, retryAfterMs: 10_000, resetMs: 100_000 });
  pass(10_000);
  assert.equal(take('ada', rate).allowed, true);
  assert.equal(take('ada', rate).allowed, false);
});

test('keys do not touch each other', () => {
  const { take } = open();
  for (let use = 0; use < 20; use++) take('ada', TWENTY);
  assert.equal(take('ada', TWENTY).allowed, false);
  assert.equal(take('bob', TWENTY).remaining, 19);
});

test('idle keys are forgotten in the end, busy ones are not', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let now = 1_764_000_000_000;
  const limiter = new MemoryLimiter(() => now);
  const rate: Rate = { perMinute: 1, burst: 1 };
  limiter.take('ada', rate);
  now += 30_000;
  t.mock.timers.tick(30_000);
  assert.equal(limiter.take('ada', rate).allowed, false);
  now += 30_000;
  t.mock.timers.tick(30_000);
  assert.equal(limiter.take('ada', rate).allowed, true);
  limiter.close();
});

// Adding up intervals like 60,000/9 ms at times of today loses a fraction of a millisecond, and with it a whole use.
test('exactly a burst passes at once at any rate, and what remains is counted exactly', () => {
  const rate = fc.integer({ min: 1, max: 1000 });
  fc.assert(
    fc.property(rate, fc.integer({ min: 1, max: 200 }), fc.nat(1e6), (perMinute, burst, offset) => {
      const { take } = open(1_764_000_000_000 + offset);
      for (let use = 1; use <= burst; use++) {
        const { allowed, remaining } = take('ada', { perMinute, burst });
        assert.deepEqual([allowed, remaining], [true, burst - use], `use ${use} of ${burst} at ${perMinute} a minute`);
      }
      assert.equal(take('ada', { perMinute, burst }).allowed, false);
    }),
  );
});

test('over any stretch of time no more passes than the burst and the rate allow', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.nat(5000), { maxLength: 100 }),
      (perMinute, burst, pauses) => {
        const { take, pass } = open();
        let passed = 0;
        let elapsed = 0;
        for (const pause of pauses) {
          const decision = take('ada', { perMinute, burst });
          if (decision.allowed) passed++;
          assert.equal(decision.allowed, decision.retryAfterMs === 0);
          assert.ok(passed <= burst + (elapsed * perMinute) / 60_000 + 0.001);
          pass(pause);
          elapsed += pause;
        }
      },
    ),
  );
});
