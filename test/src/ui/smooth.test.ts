/** Ten thousand messages in memory while fifty come each second. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CDPSession } from 'playwright-core';
import { ChatClient } from '../support/chat-client.js';
import { until } from '../support/wait.js';
import type { Window } from './browser.js';
import { uiStage } from './stage.js';

const COUNT = 10_000;
const RATE = 50;
const MEASURED_MS = 6000;
/**
 * The page's main thread may be busy for this share of the time. Its own time is counted, which does not depend on what else
 * the machine does. A machine that is idle draws every frame then.
 */
const MAX_BUSY = 0.6;
const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });

/** Someone who writes a lot. */
class Writer {
  readonly #client: ChatClient;
  readonly #channelId: string;
  #written = 0;

  constructor(client: ChatClient, channelId: string) {
    this.#client = client;
    this.#channelId = channelId;
  }

  /** Settles when all are stored. */
  async write(count: number): Promise<void> {
    for (let n = 0; n < count; n += 100) {
      const ids = Array.from({ length: Math.min(100, count - n) }, () => this.#send());
      for (const _ of ids) await this.#client.next('message', 30_000);
    }
  }

  async writeFor(ms: number): Promise<void> {
    const started = performance.now();
    let sent = 0;
    while (performance.now() - started < ms) {
      const due = Math.floor(((performance.now() - started) / 1000) * RATE);
      for (; sent < due; sent++) this.#send();
      await delay(20);
    }
  }

  #send(): void {
    const n = this.#written++;
    const content = `message ${n}${' with some more words'.repeat((n * 7) % 12)}`;
    this.#client.send({ type: 'message', channel_id: this.#channelId, content, message_id: randomUUID() });
  }
}

test('it stays smooth, at the newest message and in the middle of the history', async (context) => {
  const channel = await stage.channel('ada', { name: 'flood' });
  const client = await ChatClient.connect({
    url: stage.url,
    path: `/api/v1/chat/channels/${channel.id}/ws`,
    token: await stage.pair.token('ada'),
  });
  const writer = new Writer(client, channel.id);
  await writer.write(COUNT);
  const reader = await stage.visit('bob', channel.id);
  await reader.page.locator('article').first().waitFor();
  await readEverything(reader);
  assert.ok((await reader.page.locator('article').count()) < 80, 'only what is on the screen is drawn');

  const session = await reader.page.context().newCDPSession(reader.page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  await measure(context, reader, session, 'reading the history', writer);
  await measure(context, reader, session, 'scrolling through it', writer, async () => {
    await reader.page.mouse.move(600, 400);
    for (let step = 0; step < 40; step++) {
      await reader.page.mouse.wheel(0, 700);
      await delay(MEASURED_MS / 50);
    }
  });
  await reader.page.getByRole('button', { name: /new messages/ }).click();
  await measure(context, reader, session, 'at the newest message', writer);
  await client.close();
});

/** Goes up until the whole conversation is in memory. */
async function readEverything({ page }: Window): Promise<void> {
  await until(
    () =>
      page.evaluate(() => {
        document.querySelector('.scroller')?.scrollTo(0, 600);
        return document.querySelector('.list-head') !== null;
      }),
    { timeoutMs: 100_000, message: 'the beginning of the conversation' },
  );
  const height = await page.evaluate(() => document.querySelector('.scroller')?.scrollHeight ?? 0);
  assert.ok(height > COUNT * 25, `a list of ${height} px`);
}

async function measure(
  context: TestContext,
  { page }: Window,
  session: CDPSession,
  what: string,
  writer: Writer,
  act: () => Promise<void> = async () => {},
): Promise<void> {
  const before = await busySeconds(session);
  const frames = page.evaluate(framesFor, MEASURED_MS);
  await Promise.all([writer.writeFor(MEASURED_MS), act()]);
  const times = (await frames).toSorted((a, b) => a - b);
  const busy = ((await busySeconds(session)) - before) / (MEASURED_MS / 1000);
  const at = (share: number) => times[Math.floor((times.length - 1) * share)]?.toFixed(0);
  context.diagnostic(
    `${what}: busy ${(busy * 100).toFixed(0)} %, frames of ${at(0.5)} ms (p50), ${at(0.95)} ms (p95), ${at(1)} ms (worst)`,
  );
  assert.ok(busy < MAX_BUSY, `${what}: the page is busy for ${(busy * 100).toFixed(0)} % of the time`);
}

/** Time that the page's main thread has worked, in seconds. */
async function busySeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
}

/** Runs in the page: times between frames, in milliseconds. */
function framesFor(ms: number): Promise<number[]> {
  return new Promise((resolve) => {
    const times: number[] = [];
    const started = performance.now();
    let last = started;
    const onFrame = () => {
      const now = performance.now();
      times.push(now - last);
      last = now;
      if (now - started < ms) requestAnimationFrame(onFrame);
      else resolve(times);
    };
    requestAnimationFrame(onFrame);
  });
}
