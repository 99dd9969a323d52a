import { setTimeout as delay } from 'node:timers/promises';
import { Member } from './member.js';
import type { SwarmOrder, SwarmReport } from './swarm.js';

const CONNECT_PARALLEL = 50;
const QUIET_LIMIT_MS = 15_000;

const members: Member[] = [];
const latenciesMs: number[] = [];
const orders: string[][] = [];
let order: SwarmOrder;

/** Milliseconds since the epoch with a fraction: one clock for all processes of this machine. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

async function connect(): Promise<void> {
  const { tokens, urls, sampleEvery } = order;
  for (let from = 0; from < tokens.length; from += CONNECT_PARALLEL) {
    const group = tokens.slice(from, from + CONNECT_PARALLEL).map((token, index) => {
      const number = from + index;
      const url = urls[number % urls.length] ?? '';
      return new Member(url, token, number % sampleEvery === 0 ? sampler() : null);
    });
    members.push(...group);
    await Promise.all(group.map((member) => member.open()));
  }
}

function sampler(): (text: string) => void {
  const ids: string[] = [];
  orders.push(ids);
  return (text) => {
    const { content, message_id } = JSON.parse(text) as { content: string; message_id: string };
    latenciesMs.push(now() - Number(content.slice(0, content.indexOf(' '))));
    ids.push(message_id);
  };
}

async function send(): Promise<void> {
  const started = performance.now();
  const total = order.messagesPerSecond * order.seconds;
  for (let sent = 0; sent < total; sent++) {
    const dueMs = started + (sent * 1000) / order.messagesPerSecond - performance.now();
    if (dueMs > 1) await delay(dueMs);
    const member = members[sent % members.length];
    await member?.send({ type: 'message', content: `${now()} from the swarm, number ${sent}, ${'x'.repeat(60)}` });
  }
}

async function settle(): Promise<void> {
  let seen = -1;
  let seenAtMs = Date.now();
  for (;;) {
    const received = members.reduce((sum, member) => sum + member.received, 0);
    if (received >= order.expected * members.length) break;
    if (received !== seen) seenAtMs = Date.now();
    seen = received;
    if (Date.now() - seenAtMs > QUIET_LIMIT_MS) break;
    await delay(50);
  }
  // What comes beyond the expected is a fault too, so a moment is left for it.
  await delay(300);
}

function report(): SwarmReport {
  const { user, system } = process.cpuUsage();
  return {
    clients: members.length,
    complete: members.filter(({ received, faults }) => received === order.expected && faults.length === 0).length,
    faults: members.flatMap(({ faults }) => faults).slice(0, 20),
    latenciesMs: latenciesMs.sort((a, b) => a - b),
    orders: [...new Set(orders.map((ids) => ids.join(',')))],
    cpuSeconds: (user + system) / 1e6,
  };
}

process.on('message', (message: { order?: SwarmOrder; go?: boolean }) => {
  void handle(message).catch((error) => process.send?.({ error: String(error) }));
});

async function handle(message: { order?: SwarmOrder; go?: boolean }): Promise<void> {
  if (message.order !== undefined) {
    order = message.order;
    await connect();
    process.send?.({ ready: true });
    return;
  }
  await send();
  await settle();
  process.send?.({ report: report() });
}
