import { type GetToken, HubbubClientError } from '@hubbub/client';
import { readConfig } from '../config.js';
import { mintToken } from '../dev-keys.js';
import { defineCommand, Failure, type Io, readInteger, UsageError } from './command.js';
import { type LoadFigures, runLoad } from './load-run.js';
import { assertOwnHost } from './own-host.js';
import { REMOTE_OPTIONS, type Remote, readRemote, sentenceOf, tokenSource } from './remote.js';

const MAX_SECONDS = 300;
const MAX_CONNECTIONS = 1000;
const MAX_RATE = 1000;
/** Past it the process is late itself: on a busy machine of two cores by 24 ms at 10,000 a second, by 420 ms at 20,000. */
const MAX_DELIVERIES_A_SECOND = 10_000;
const MAX_OWN_LAG_MS = 20;
/** Seconds between two lines of progress where nobody watches a terminal. */
const LINE_EVERY = 5;
const MINTED_TTL_SECONDS = 3600;

export const load = defineCommand({
  name: 'load',
  usage: '[options]',
  about: `Puts a load on a running server and counts: users with a connection each join a channel of their own and write in
turn. Every message that the server accepts has to come to every connection, once; connections that are lost meanwhile
resume. For servers of your own alone, on this machine or in a private network. The channel is removed at the end; the
users load-1, load-2, ... stay.

Each connection is a user of its own in development mode, or with JWT_PRIVATE_KEY. With HUBBUB_TOKEN or --token-file all
are one user, who has one user's rate limit.`,
  options: {
    duration: { type: 'string', default: '10', value: 'SECONDS', help: `how long, up to ${MAX_SECONDS}` },
    connections: { type: 'string', default: '50', value: 'COUNT', help: `up to ${MAX_CONNECTIONS}` },
    rate: { type: 'string', default: '10', value: 'COUNT', help: `messages a second in all, up to ${MAX_RATE}` },
    ...REMOTE_OPTIONS,
  },
  exitCodes: { 1: 'failed, or something was lost, doubled or left without an answer' },
  examples: ['hubbub load', 'hubbub load --connections 200 --rate 50 --duration 60'],
  run: async ({ values }, io) => {
    const durationSeconds = readInteger('duration', values.duration, 1, MAX_SECONDS);
    const connections = readInteger('connections', values.connections, 1, MAX_CONNECTIONS);
    const rate = readInteger('rate', values.rate, 1, MAX_RATE);
    if (connections * rate > MAX_DELIVERIES_A_SECOND) {
      throw new UsageError(
        `--connections times --rate are the deliveries a second, ${MAX_DELIVERIES_A_SECOND} at most: ` +
          'one process takes no more without measuring itself.',
      );
    }
    const remote = readRemote(values, io.env);
    await assertOwnHost(remote.url);
    const getToken = tokensOf(remote, io.env);
    io.err(`${connections} connections, ${rate} messages a second, ${durationSeconds} s, at ${remote.url.origin}`);
    const signal = io.interruption();
    try {
      const plan = { url: remote.url, connections, rate, durationSeconds, getToken };
      const figures = await runLoad(plan, { signal, onProgress: progressLine(io), onNotice: io.err });
      io.rewrite?.('');
      for (const line of report(figures)) io.out(line);
      return verdict(figures);
    } catch (error) {
      io.rewrite?.('');
      if (signal.aborted) throw new Failure('Interrupted before the load began.');
      if (error instanceof DOMException && error.name === 'TimeoutError') {
        throw new Failure('Not all connections could be opened in time.');
      }
      throw error instanceof HubbubClientError ? new Failure(sentenceOf(error, remote.url), { cause: error }) : error;
    }
  },
});

function tokensOf(remote: Remote, env: Io['env']): (index: number) => GetToken {
  const usernameOf = (index: number) => `load-${index + 1}`;
  const config = remote.token === null ? readConfig(env) : null;
  if (config?.key.kind !== 'private') {
    return (index) => tokenSource(remote, { username: usernameOf(index), role: 'user' });
  }
  const { key, jwtIssuer: issuer, jwtAudience: audience } = config;
  const shared = { role: 'user', ttlSeconds: MINTED_TTL_SECONDS, issuer, audience } as const;
  return (index) => async () => (await mintToken(key.privateKey, { username: usernameOf(index), ...shared })).token;
}

function progressLine(io: Io) {
  let ticks = 0;
  return (now: { seconds: number; accepted: number; delivered: number; refused: number }) => {
    ticks++;
    const line = `${Math.round(now.seconds)} s: ${now.accepted} accepted, ${now.refused} refused, ${now.delivered} delivered`;
    if (io.rewrite !== undefined) io.rewrite(line);
    else if (ticks % LINE_EVERY === 0) io.err(line);
  };
}

/** The lines of a result. */
export function report(figures: LoadFigures): string[] {
  const { accepted, refused, unanswered, delivered, lost, doubled, reconnects, latencyMs, ownLagMs } = figures;
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  const codes = [...refused].map(([code, count]) => `${count} ${code}`);
  const lines = [
    `accepted   ${accepted} messages in ${figures.seconds.toFixed(1)} s`,
    `refused    ${codes.length === 0 ? '0' : codes.join(', ')}`,
    `unanswered ${unanswered}`,
    `delivered  ${delivered} of ${delivered + lost}`,
    `lost       ${lost}`,
    `doubled    ${doubled}`,
    `reconnects ${reconnects}`,
    `latency    p50 ${ms(latencyMs.p50)}, p95 ${ms(latencyMs.p95)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)}`,
  ];
  if (refused.has('RATE_LIMITED')) {
    lines.push('The rate limit of a user was met: more connections, or CHAT_RATE_LIMIT_PER_MINUTE, let more through.');
  }
  if (ownLagMs > MAX_OWN_LAG_MS) {
    lines.push(`This process was late itself, by ${ms(ownLagMs)} (p99): the latencies are too high by that.`);
  }
  return lines;
}

/** The exit code of a result. */
export function verdict({ accepted, unanswered, lost, doubled }: LoadFigures): number {
  return accepted > 0 && unanswered === 0 && lost === 0 && doubled === 0 ? 0 : 1;
}
