import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { TokenKey, userClaims, userId } from '../support/tokens.js';
import { noteHeads, readEvents, readHeads, readStored } from './collect.js';
import { Crew } from './crew.js';
import { type CrewProgress, planCrowd, secondModerator } from './crew-order.js';
import { clockMs } from './events.js';
import { Tormentor } from './faults.js';
import type { TortureOptions } from './options.js';
import type { RunRecord } from './run-record.js';
import { planFaults } from './schedule.js';
import { Stack } from './stack.js';
import { StallWatch } from './stall-watch.js';

const CLIENTS_PER_PROCESS = 200;
const PROGRESS_INTERVAL_MS = 5000;
const MEASURE_INTERVAL_MS = 1000;
/** After the last fault everyone has so long to come back and to get his messages through. */
const SETTLE_TIMEOUT_MS = 60_000;
/** Then everyone has so long to be where the database is. Long enough that a late one shows as late. */
const REACH_TIMEOUT_MS = 15_000;

export interface TortureContext {
  /** `main.js` of the server to run. */
  readonly main: string;
  /** Where the logs go. */
  readonly folder: string;
  readonly say: (line: string) => void;
  /** Ends the run early. Absent: it goes on to its end. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a cluster and its clients, breaks what the schedule says, lets everyone come back, and collects what came of it.
 * Nothing is left running. What is right and wrong in the record is for the checker to say.
 *
 * @throws when the cluster does not start, or when the run is ended early
 */
export async function torture(options: TortureOptions, context: TortureContext): Promise<RunRecord> {
  const { main, folder, signal } = context;
  const key = new TokenKey('EdDSA');
  const stack = await Stack.create({ instances: options.instances, main, key, folder });
  const crews: Crew[] = [];
  const stallWatch = new StallWatch();
  try {
    const interrupted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('The run was ended early')));
    });
    const running = runAll(options, context, { key, stack, crews });
    const { events, faults, stored } = await Promise.race([running, interrupted]);
    await stack.close();
    return {
      events,
      faults,
      stalls: stallWatch.stalls,
      instanceFaults: stack.instances.flatMap((instance) => instance.faults),
      rssBytes: stack.instances.map(({ maxRssBytes }) => maxRssBytes),
      stored,
    };
  } finally {
    stallWatch.close();
    for (const crew of crews) crew.kill();
    await stack.close();
  }
}

interface Parts {
  readonly key: TokenKey;
  readonly stack: Stack;
  /** Takes the crews as they are started. */
  readonly crews: Crew[];
}

async function runAll(
  options: TortureOptions,
  { folder, say }: TortureContext,
  { key, stack, crews }: Parts,
): Promise<Pick<RunRecord, 'events' | 'faults' | 'stored'>> {
  await stack.start();
  const names = Array.from({ length: options.clients }, (_, c) => `torture-${c}`);
  const tokens = names.map((name) => key.sign(userClaims(name, { exp: Math.floor(Date.now() / 1000) + 86_400 })));
  await noteHeads(stack);
  const channelIds = await createChannels(stack, tokens, options);
  const { clients, ...channels } = planCrowd({
    ...options,
    token: (c) => tokens[c] ?? '',
    userId: (c) => userId(names[c] ?? ''),
  });
  const files: string[] = [];
  const urls = stack.instances.map(({ url }) => url);
  for (let from = 0; from < clients.length; from += CLIENTS_PER_PROCESS) {
    const logFile = join(folder, `clients-${from}.ndjson`);
    files.push(logFile);
    const group = clients.slice(from, from + CLIENTS_PER_PROCESS);
    crews.push(await Crew.start({ seed: options.seed, logFile, urls, channelIds, ...channels, clients: group }));
  }
  const { records: faults } = await storm(stack, crews, options, say);
  await finish(stack, crews, channelIds, say);
  await writeFile(join(folder, 'faults.json'), JSON.stringify(faults, null, 1));
  const stored = await readStored(stack, channelIds, names.map(userId));
  return { events: await readEvents(files), faults, stored };
}

/** Each channel is made by another client, who may change it later, and has one more moderator. */
async function createChannels(stack: Stack, tokens: readonly string[], options: TortureOptions): Promise<string[]> {
  const ids: string[] = [];
  for (let ch = 0; ch < options.channels; ch++) {
    const owner = ch % tokens.length;
    const moderator = secondModerator(ch, options);
    const { id } = await call(stack, tokens[owner], '/channels', { name: `torture ${ch}` });
    if (typeof id !== 'string') throw new Error('A channel has no id');
    ids.push(id);
    if (moderator === owner) continue;
    // Whoever has never come with his token does not exist yet.
    await call(stack, tokens[moderator], `/channels/${id}`);
    const member = { user_id: userId(`torture-${moderator}`), role: 'moderator' };
    await call(stack, tokens[owner], `/channels/${id}/members`, member);
  }
  return ids;
}

/** One REST call of the preparation. @param body absent: a GET. @throws when it is not answered well */
async function call(stack: Stack, token: string | undefined, path: string, body?: object) {
  const response = await fetch(`${stack.instances[0]?.url}/api/v1/chat${path}`, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} was answered with ${response.status} ${text}`);
  const parsed: { readonly id?: unknown } = JSON.parse(text);
  return parsed;
}

/** The part in which things break. Settles when all is whole again and the time is over. */
async function storm(
  stack: Stack,
  crews: readonly Crew[],
  options: TortureOptions,
  say: (line: string) => void,
): Promise<Tormentor> {
  const tormentor = new Tormentor(stack, options.seed, say);
  const startedAtMs = clockMs();
  const over = new AbortController();
  const watching = watch(stack, crews, startedAtMs, say, over.signal);
  try {
    await tormentor.run(planFaults(options), startedAtMs);
    await delay(Math.max(0, startedAtMs + options.runMs - clockMs()));
  } finally {
    over.abort();
    await watching;
  }
  return tormentor;
}

async function watch(
  stack: Stack,
  crews: readonly Crew[],
  startedAtMs: number,
  say: (line: string) => void,
  over: AbortSignal,
): Promise<void> {
  for (let round = 1; !over.aborted; round++) {
    await delay(MEASURE_INTERVAL_MS, undefined, { signal: over }).catch(() => {});
    await stack.measure();
    if ((round * MEASURE_INTERVAL_MS) % PROGRESS_INTERVAL_MS !== 0 || over.aborted) continue;
    const { connected, sent, acked, got, open } = await progressOf(crews);
    const seconds = Math.round((clockMs() - startedAtMs) / 1000);
    say(`${seconds} s: ${connected} connected, ${sent} sent, ${acked} acknowledged, ${open} open, ${got} delivered`);
  }
}

async function progressOf(crews: readonly Crew[]): Promise<CrewProgress> {
  const all = await Promise.all(crews.map((crew) => crew.progress()));
  return all.reduce((a, b) => ({
    connected: a.connected + b.connected,
    sent: a.sent + b.sent,
    acked: a.acked + b.acked,
    got: a.got + b.got,
    open: a.open + b.open,
    settled: a.settled && b.settled,
  }));
}

/** Everyone comes back, gets through what he has begun, and gets what there is; then all go. */
async function finish(
  stack: Stack,
  crews: readonly Crew[],
  channelIds: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  say('No more faults: everyone comes back and catches up');
  for (const crew of crews) crew.quiet();
  const settled = await waitUntil(SETTLE_TIMEOUT_MS, async () => (await progressOf(crews)).settled);
  if (!settled) say('Not everyone has got his messages through');
  const heads = await readHeads(stack, channelIds);
  const reached = await waitUntil(REACH_TIMEOUT_MS, async () => {
    const behind = await Promise.all(crews.map((crew) => crew.behind(heads)));
    return behind.every((count) => count === 0);
  });
  if (!reached) say('Not everyone has caught up');
  for (const crew of crews) await crew.end();
}

async function waitUntil(timeoutMs: number, condition: () => Promise<boolean>): Promise<boolean> {
  const deadlineMs = clockMs() + timeoutMs;
  while (!(await condition())) {
    if (clockMs() > deadlineMs) return false;
    await delay(200);
  }
  return true;
}
