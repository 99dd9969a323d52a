/** Twenty-five thousand REST requests on every route of the API description, few of them as they should be. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { subjectOf } from '../support/tokens.js';
import { Random } from '../torture/random.js';
import { checkAnswer } from './check-answer.js';
import { inHalves, Tally } from './halves.js';
import { type Answer, HttpSocket } from './http-socket.js';
import { readOperations } from './operations.js';
import { makePools, SEED } from './pools.js';
import { makeBroken, makeRequest, type RestCast } from './rest-requests.js';
import { context, Target } from './target.js';
import { inParallel } from './workers.js';

/** Batches of a half. After each, a request that may be no HTTP ends a connection of its own. */
const BATCHES = 1300;
/** Requests that are sent in one go on a connection, one after the other. */
const BATCH = 9;
const AT_ONCE = 8;
const USERS = 60;
/** Channels and messages that are remembered, of those made by the way. */
const MAX_KNOWN = 200;
/** Answers to what was not read to its end, after which nobody can tell where the next request begins. */
const ENDS_CONNECTION: ReadonlySet<number> = new Set([400, 408, 413, 431]);

/** Those behind the few that end a connection: too large, or no HTTP. */
const MAX_CUT = 300;

let target: Target;
let host: string;
let cast: RestCast;
const channelIds: string[] = [];
const messageIds: string[] = [];

before(async () => {
  target = await Target.start({ CHAT_RATE_LIMIT_PER_MINUTE: '600', CHAT_RATE_LIMIT_BURST: '100' });
  host = new URL(target.url).host;
  const tokens = await target.tokens('rest', USERS);
  channelIds.push(...(await target.channels(tokens.slice(0, 20))));
  const known = { id: channelIds, user_id: tokens.map(subjectOf), message_id: messageIds };
  cast = { operations: await readOperations(target.url), tokens, known };
});
after(() => target.stop());

test('twenty-five thousand REST requests: none fails the server', { timeout: 280_000 }, async (t) => {
  const tally = new Tally();
  const readings = await inHalves(target, async (half) => {
    const pools = makePools(20 + half);
    const random = new Random(SEED + 20 + half);
    const sockets: HttpSocket[] = [];
    await inParallel(BATCHES, AT_ONCE, async (index) => {
      const dice = random.fork(index);
      const requests = Array.from({ length: BATCH }, () => makeRequest(dice, cast, pools, host));
      const bytes = Buffer.concat(requests.map((request) => request.bytes));
      const kept = sockets.pop();
      const socket = kept === undefined || kept.ended ? new HttpSocket(target.port) : kept;
      const answers = await socket.exchange(
        bytes,
        requests.map(({ method }) => method),
      );
      assert.ok(answers.length > 0, context('no answer', bytes));
      for (const [at, answer] of answers.entries()) {
        const request = requests[at];
        assert.ok(request !== undefined);
        checkAnswer(answer, request.method, request.bytes);
        tally.add(answer.status);
        remember(answer);
      }
      if (answers.length < BATCH) assertCutShort(answers.at(-1), bytes);
      for (const { method } of requests.slice(answers.length)) tally.add(`cut ${method}`);
      // One that is about to be closed by the server takes nothing more.
      const goesOn = answers.length === BATCH && answers.every(({ headers }) => headers.get('connection') !== 'close');
      if (goesOn) sockets.push(socket);
      else socket.destroy();
      await sendBroken(makeBroken(dice, cast, pools, host), tally);
    });
    for (const socket of sockets) socket.destroy();
  });
  for (const status of [200, 201, 400, 401, 404, 413, 415]) assert.ok((tally.counts[status] ?? 0) > 0, `no ${status}`);
  const cut = Object.entries(tally.counts).reduce(
    (sum, [name, count]) => sum + (name.startsWith('cut ') ? count : 0),
    0,
  );
  assert.ok(cut < MAX_CUT, `${cut} requests were not answered`);
  await target.assertServes();
  t.diagnostic(JSON.stringify({ ...tally.counts, readings }));
});

/** @throws when requests stay without an answer, and the last one that came has not said so */
function assertCutShort(last: Answer | undefined, sent: Buffer): void {
  const closes = last?.headers.get('connection') === 'close';
  const what = `requests were not answered after ${last?.status} ${last?.body.slice(0, 200)}`;
  assert.ok(last !== undefined && closes && ENDS_CONNECTION.has(last.status), context(what, sent));
}

async function sendBroken(bytes: Buffer, tally: Tally): Promise<void> {
  const socket = new HttpSocket(target.port);
  try {
    const answers = await socket.exchange(bytes, null);
    for (const answer of answers) checkAnswer(answer, null, bytes);
    tally.add(`broken ${answers[0]?.status ?? 'closed'}`);
  } finally {
    socket.destroy();
  }
}

/** Keeps what was made, for later requests to be about. */
function remember({ status, body }: Answer): void {
  if (status !== 201) return;
  const { id, seq } = JSON.parse(body);
  if (typeof id !== 'string') return;
  const ids = seq === undefined ? channelIds : messageIds;
  if (ids.length < MAX_KNOWN) ids.push(id);
}
