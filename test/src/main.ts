/** `npm test`: starts the servers that the tests need, runs all compiled test files, and tells what came out. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findTestFiles, type TestFile } from './runner/discover.js';
import { ensurePrograms, SetupError } from './runner/install.js';
import { inOrder, takeNext } from './runner/lanes.js';
import { describeFailures, describeFile, totalsOf } from './runner/report.js';
import { type FileResult, runFile } from './runner/run-file.js';
import { checkRecords, type LogCheck } from './runner/secrets.js';
import { PostgresServer } from './support/postgres.js';
import { RedisServer } from './support/redis.js';
import { RECORDS_VARIABLE } from './support/run-records.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Lines with secrets that are told of one test file. */
const MAX_LEAKS = 5;

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());

try {
  process.exitCode = await main(process.argv.slice(2), interruption.signal);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  process.exitCode = 1;
}

async function main(filters: readonly string[], signal: AbortSignal): Promise<number> {
  const files = findTestFiles(ROOT, filters);
  const results = files.length === 0 ? [] : await inThrowAwayServers((servers) => runFiles(files, servers, signal));
  if (signal.aborted) {
    console.log('Interrupted.');
    return 130;
  }
  const failures = describeFailures(results);
  if (failures !== '') console.log(`\n${failures}`);
  const { passed, failed } = totalsOf(results);
  console.log(`\n${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0 ? 0 : 1;
}

interface ThrowAwayServers {
  /** Environment that leads to them. */
  readonly env: Readonly<Record<string, string>>;
  /** Their passwords. */
  readonly secrets: readonly string[];
}

/** Runs `work` with servers of its own; they and all temporary files are gone after it. */
async function inThrowAwayServers<T>(work: (servers: ThrowAwayServers) => Promise<T>): Promise<T> {
  ensurePrograms(console.log);
  // Everything temporary, of this process and of the tests, goes here: nothing stays behind, even of a killed test.
  const folder = mkdtempSync(join(tmpdir(), 'hubbub-test-'));
  // PostgreSQL may run as another user, who has to get through to its own folder.
  chmodSync(folder, 0o711);
  process.env.TMPDIR = folder;
  let postgres: PostgresServer | undefined;
  let redis: RedisServer | undefined;
  try {
    postgres = await PostgresServer.start();
    const secrets = [0, 1].map(() => randomBytes(12).toString('hex'));
    const [postgresPassword = '', requirepass = ''] = secrets;
    redis = await RedisServer.start({ settings: { requirepass } });
    // It asks for no password, and takes any: this one is there to be looked for in the logs.
    const postgresUrl = new URL(postgres.url());
    postgresUrl.password = postgresPassword;
    console.log(`PostgreSQL runs on port ${postgres.port}, Redis on port ${redis.port}, both for this run only.\n`);
    const env = { HUBBUB_TEST_DATABASE_URL: postgresUrl.href, HUBBUB_TEST_REDIS_URL: redis.url };
    return await work({ env, secrets });
  } finally {
    await Promise.allSettled([postgres?.stop(), redis?.stop()]);
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

async function runFiles(
  files: readonly TestFile[],
  servers: ThrowAwayServers,
  signal: AbortSignal,
): Promise<FileResult[]> {
  const queue = inOrder(files);
  const running = new Map<TestFile, Promise<void>>();
  const results: FileResult[] = [];
  const checks: LogCheck[] = [];
  const run = async (file: TestFile) => {
    const records = mkdtempSync(join(tmpdir(), 'records-'));
    const ran = await runFile(file, { ...servers.env, [RECORDS_VARIABLE]: records }, signal);
    running.delete(file);
    const check = checkRecords(records, servers.secrets);
    rmSync(records, { recursive: true });
    checks.push(check);
    const result = { ...ran, problems: [...ran.problems, ...check.leaks.slice(0, MAX_LEAKS)] };
    results.push(result);
    if (!signal.aborted) console.log(describeFile(result));
  };
  while (!signal.aborted && queue.length + running.size > 0) {
    const file = takeNext(queue, running.keys());
    if (file !== undefined) running.set(file, run(file));
    else await Promise.race(running.values());
  }
  await Promise.all(running.values());
  const sum = (of: (check: LogCheck) => number) => checks.reduce((total, check) => total + of(check), 0);
  console.log(
    `\nServers logged ${sum(({ lines }) => lines)} lines; ${sum(({ leaks }) => leaks.length)} of them hold one of ` +
      `${sum(({ secrets }) => secrets)} tokens, keys and passwords of the tests.`,
  );
  return results;
}
