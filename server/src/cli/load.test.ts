/** The books of a load, what is made of them, and which hosts one may put it on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UsageError } from './command.js';
import { Ledger } from './ledger.js';
import { report, verdict } from './load.js';
import type { LoadFigures } from './load-run.js';
import { assertOwnHost } from './own-host.js';

describe('the ledger', () => {
  test('counts what each client lacks of the accepted messages', () => {
    const ledger = new Ledger(2, 20);
    for (const message of [0, 9, 19]) ledger.accept(message);
    for (const message of [0, 9, 19]) assert.equal(ledger.receive(0, message, false), true);
    ledger.receive(1, 9, false);
    assert.deepEqual([ledger.accepted, ledger.delivered, ledger.lost, ledger.doubled], [3, 4, 2, 0]);
  });

  test('counts what came twice, except for the answer to a message that its sender has sent again', () => {
    const ledger = new Ledger(2, 3);
    ledger.accept(1);
    ledger.receive(0, 1, true);
    assert.equal(ledger.receive(0, 1, true), false);
    assert.equal(ledger.doubled, 0);
    ledger.receive(1, 1, false);
    assert.equal(ledger.receive(1, 1, false), false);
    assert.deepEqual([ledger.doubled, ledger.lost, ledger.delivered], [1, 0, 2]);
  });

  test('does not hold a message against the server that was delivered and never acknowledged', () => {
    const ledger = new Ledger(1, 2);
    ledger.receive(0, 0, false);
    assert.deepEqual([ledger.accepted, ledger.delivered, ledger.lost, ledger.doubled], [0, 0, 0, 0]);
  });
});

describe('the result', () => {
  const good: LoadFigures = {
    seconds: 2,
    accepted: 6,
    refused: new Map(),
    unanswered: 0,
    delivered: 60,
    lost: 0,
    doubled: 0,
    reconnects: 0,
    latencyMs: { p50: 1, p95: 2, p99: 3, max: 4 },
    ownLagMs: 0,
  };

  test('is good only when all that was accepted came once, and everything was answered', () => {
    assert.equal(verdict(good), 0);
    for (const bad of [{ lost: 1 }, { doubled: 1 }, { unanswered: 1 }, { accepted: 0 }]) {
      assert.equal(verdict({ ...good, ...bad }), 1);
    }
  });

  test('names refusals by their code, and says when the figures are wrong by the load itself', () => {
    const lines = report({ ...good, refused: new Map([['RATE_LIMITED', 4]]), ownLagMs: 50 });
    assert.ok(lines.includes('refused    4 RATE_LIMITED'));
    assert.match(lines.join('\n'), /rate limit of a user was met[\s\S]*late itself, by 50\.0 ms/);
  });
});

describe('a load', () => {
  const at = (host: string, ...addresses: string[]) =>
    assertOwnHost(new URL(`http://${host}:8080`), async () => addresses);

  test('runs against this machine and private networks', async () => {
    await assertOwnHost(new URL('http://127.0.0.1:8080'));
    await assertOwnHost(new URL('http://[::1]:8080'));
    for (const address of [
      '127.9.9.9',
      '10.1.2.3',
      '172.31.255.1',
      '192.168.0.1',
      '::1',
      'fd00::1',
      '::ffff:10.0.0.1',
    ]) {
      await at('chat.internal', address);
    }
  });

  test('is refused for everything else, and for a name that leads to both', async () => {
    const refused = (what: Promise<void>) => assert.rejects(what, UsageError);
    for (const address of [
      '8.8.8.8',
      '172.32.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '2606:4700::1111',
      '::ffff:8.8.8.8',
    ]) {
      await refused(at('chat.example.com', address));
    }
    await refused(at('chat.example.com', '10.0.0.1', '8.8.8.8'));
    await refused(at('nowhere.example.com'));
  });
});
