/** A process full of clients. It does what the bench tells it over IPC, one order after the other. */
import { setTimeout as delay } from 'node:timers/promises';
import { nowUs } from './clock.js';
import { dialectOf } from './dialect.js';
import { LoadClient, newTally } from './load-client.js';
import type { Answers, Counts, Load, Order, Settled } from './orders.js';

/** Between two looks at the clock when messages are sent at a fixed rate. */
const PACE_MS = 1;

const clients: LoadClient[] = [];
const sentByChannel: Record<string, number> = {};
const tally = newTally();
let sent = 0;
let latestSendUs = 0;
let markedUs = nowUs();
let markedCpuUs = cpuUs();
let stopSending: () => void = () => {};

process.on('message', (order: Order) => {
  carryOut(order).then(
    (answer) => process.send?.({ answer }),
    (error) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));

async function carryOut(order: Order): Promise<Answers[Order['kind']]> {
  switch (order.kind) {
    case 'connect': {
      const dialect = dialectOf(order.dialect);
      const added = order.clients.map((each) => new LoadClient(each, dialect, tally));
      clients.push(...added);
      await inParallel(order.parallel, added, (client) => client.open());
      return null;
    }
    case 'start':
      tally.sampleEvery = order.sampleEvery;
      start(order.load);
      return null;
    case 'mark':
      return mark();
    case 'stop':
      stopSending();
      return sentByChannel;
    case 'settle':
      return await settle(order.expected, order.quietMs);
    case 'drop': {
      const staying = new Set(order.except);
      for (const client of clients) if (!staying.has(client.order.number)) client.drop();
      return null;
    }
    case 'return':
      await inParallel(
        order.parallel,
        clients.filter(({ away }) => away),
        (client) => client.open(true),
      );
      return null;
  }
}

/** `width` of them at a time. */
async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

function start(load: Load): void {
  const numbers = new Set(load.senders);
  const senders = clients.filter(({ order }) => numbers.has(order.number));
  if (senders.length === 0) return;
  if (load.kind === 'closed') sendInTurn(senders, load.inFlight);
  else if (load.kind === 'rate') sendAtRate(senders, load.perSecond);
  else for (const client of senders) sendOne(client, 0);
}

function sendOne(client: LoadClient, channel: number): void {
  const channelId = client.order.channelIds[channel] ?? '';
  sentByChannel[channelId] = (sentByChannel[channelId] ?? 0) + 1;
  sent++;
  client.send(channel);
}

function sendInTurn(senders: readonly LoadClient[], inFlight: number): void {
  let sending = true;
  stopSending = () => {
    sending = false;
    for (const client of senders) client.onOwn = null;
  };
  for (const client of senders) {
    let channel = 0;
    const sendNext = () => {
      if (!sending) return;
      channel = (channel + 1) % client.order.channelIds.length;
      sendOne(client, channel);
    };
    client.onOwn = sendNext;
    for (let count = 0; count < inFlight; count++) sendNext();
  }
}

function sendAtRate(senders: readonly LoadClient[], perSecond: number): void {
  const startedUs = nowUs();
  let count = 0;
  const timer = setInterval(() => {
    const now = nowUs();
    const due = Math.floor(((now - startedUs) / 1e6) * perSecond);
    if (count < due) latestSendUs = Math.max(latestSendUs, now - startedUs - ((count + 1) / perSecond) * 1e6);
    for (; count < due; count++) {
      const client = senders[count % senders.length];
      if (client === undefined) continue;
      sendOne(client, Math.floor(count / senders.length) % client.order.channelIds.length);
    }
  }, PACE_MS);
  stopSending = () => clearInterval(timer);
}

function mark(): Counts {
  const toUs = nowUs();
  const cpu = cpuUs();
  const counts = {
    fromUs: markedUs,
    toUs,
    sent,
    delivered: tally.delivered,
    otherFrames: tally.otherFrames,
    otherBytes: tally.otherBytes,
    latencies: tally.latencies.pack(),
    latestSendUs,
    cpuUs: cpu - markedCpuUs,
  };
  tally.delivered = 0;
  tally.otherFrames = 0;
  tally.otherBytes = 0;
  tally.latencies.clear();
  sent = 0;
  latestSendUs = 0;
  markedUs = toUs;
  markedCpuUs = cpu;
  return counts;
}

async function settle(expected: Readonly<Record<string, number>>, quietMs: number): Promise<Settled> {
  const wanted = clients.map(({ order }) => order.channelIds.reduce((sum, id) => sum + (expected[id] ?? 0), 0));
  const missing = () =>
    clients.reduce((sum, { received }, index) => sum + Math.abs((wanted[index] ?? 0) - received), 0);
  let before = -1;
  let atUs = nowUs();
  for (;;) {
    const now = missing();
    if (now !== before) atUs = nowUs();
    before = now;
    if (now === 0 || nowUs() - atUs > quietMs * 1000) break;
    await delay(5);
  }
  const { faults, faultTexts } = tally;
  return { atUs, lost: before, refused: Object.fromEntries(tally.refused), faults, faultTexts };
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
