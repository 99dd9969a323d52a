import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Identity } from './identity.js';
import { createLogger } from './log.js';
import { Revocations } from './revocations.js';
import type { SiteRestrictions } from './store/site.js';

const POLL_MS = 1000;
const NONE: SiteRestrictions = {
  version: 0,
  suspended: new Map(),
  validAfter: new Map(),
  erased: new Map(),
  revoked: new Set(),
};

function identity(more: Partial<Identity> = {}): Identity {
  const plain = { username: 'ada', displayName: null, avatarUrl: null, role: 'user', expiresAtMs: 1e15 } as const;
  return { userId: 'ada', tokenId: 'j1', issuedAtMs: 5000, ...plain, ...more };
}

class Stage {
  stored = NONE;
  away = false;
  reads = 0;
  changes = 0;
  readonly erased: string[] = [];

  async open(t: TestContext): Promise<Revocations> {
    const revocations = await Revocations.open({
      read: () => {
        this.reads++;
        return this.#answer(this.stored);
      },
      readVersion: () => this.#answer(this.stored.version),
      log: createLogger('silent'),
      onChanged: () => this.changes++,
      onErased: (userIds) => this.erased.push(...userIds),
    });
    t.after(() => revocations.close());
    return revocations;
  }

  #answer<T>(value: T): Promise<T> {
    return this.away ? Promise.reject(new Error('away')) : Promise.resolve(value);
  }
}

test('a revoked token is refused, another one of the same user is not', async (t) => {
  const stage = new Stage();
  stage.stored = { ...NONE, revoked: new Set(['j1']) };
  const revocations = await stage.open(t);
  assert.throws(() => revocations.assertValid(identity()), { code: 'UNAUTHORIZED' });
  assert.equal(revocations.isValid(identity({ tokenId: 'j2' })), true);
  assert.equal(revocations.isValid(identity({ tokenId: null })), true);
});

test('tokens issued before the time are refused, and those that do not say when', async (t) => {
  const stage = new Stage();
  stage.stored = { ...NONE, validAfter: new Map([['ada', 5000]]) };
  const revocations = await stage.open(t);
  assert.equal(revocations.isValid(identity()), true, 'issued at the very time');
  assert.throws(() => revocations.assertValid(identity({ issuedAtMs: 4999 })), { code: 'UNAUTHORIZED' });
  assert.throws(() => revocations.assertValid(identity({ issuedAtMs: null })), { code: 'UNAUTHORIZED' });
  assert.equal(revocations.isValid(identity({ userId: 'bob', issuedAtMs: 1 })), true);
});

test('a suspended user is refused until his time is over, without anything being read', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000 });
  const stage = new Stage();
  stage.stored = {
    ...NONE,
    suspended: new Map([
      ['ada', 1_000_100],
      ['bob', Number.POSITIVE_INFINITY],
    ]),
  };
  const revocations = await stage.open(t);
  assert.throws(() => revocations.assertValid(identity()), { code: 'FORBIDDEN', message: 'Your account is suspended' });
  t.mock.timers.tick(100);
  assert.equal(revocations.isValid(identity()), true);
  assert.equal(revocations.isValid(identity({ userId: 'bob' })), false);
});

test('a change that nobody told of is found by the look once a second, and read once', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stage = new Stage();
  const revocations = await stage.open(t);
  stage.stored = { ...NONE, version: 1, revoked: new Set(['j1']) };
  assert.equal(revocations.isValid(identity()), true);
  for (let round = 0; round < 3; round++) {
    t.mock.timers.tick(POLL_MS);
    await turn();
  }
  assert.equal(revocations.isValid(identity()), false);
  assert.deepEqual([stage.reads, stage.changes], [2, 1]);
});

test('while the database is away what is known holds on, and is read when it is back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const stage = new Stage();
  stage.stored = { ...NONE, revoked: new Set(['j1']) };
  const revocations = await stage.open(t);
  stage.away = true;
  await assert.rejects(revocations.refresh());
  t.mock.timers.tick(POLL_MS);
  await turn();
  assert.equal(revocations.isValid(identity()), false);
  stage.away = false;
  stage.stored = { ...NONE, version: 1 };
  t.mock.timers.tick(POLL_MS);
  await turn();
  assert.equal(revocations.isValid(identity()), true);
});

test('each erasure is told once, also a second one of the same user, and those of before the start are not', async (t) => {
  const stage = new Stage();
  stage.stored = { ...NONE, erased: new Map([['ada', 1000]]) };
  const revocations = await stage.open(t);
  await revocations.refresh();
  assert.deepEqual(stage.erased, []);
  stage.stored = { ...stage.stored, erased: new Map([...stage.stored.erased, ['bob', 2000]]) };
  await revocations.refresh();
  await revocations.refresh();
  assert.deepEqual(stage.erased, ['bob']);
  stage.stored = { ...stage.stored, erased: new Map([...stage.stored.erased, ['ada', 3000]]) };
  await revocations.refresh();
  assert.deepEqual(stage.erased, ['bob', 'ada']);
});
