/** PostgreSQL: whether it is there, new enough, ours to migrate, and as safe as the promise asks. */
import { type Config, redactUrl } from '../../config.js';
import { StorageUnavailable } from '../../errors.js';
import { reasonOf } from '../../lifecycle.js';
import { createLogger } from '../../log.js';
import { parseDatabaseUrl } from '../../store/database-url.js';
import { sqlState } from '../../store/db.js';
import { PgDb } from '../../store/db-pg.js';
import { type DatabaseFacts, readBackend, readClock, readFacts } from '../../store/diagnosis.js';
import { loadMigrations, migrationStatus } from '../../store/migrate.js';
import { compareClocks, type Finding, failure, ok, warning } from './finding.js';

const MIN_VERSION = 130_000;
const STATEMENT_TIMEOUT_MS = 5000;
const SUBJECT = 'database';

/** What to do about errors by which a connection is refused: SQLSTATE, or a code of the system. */
const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nobody listens there: start PostgreSQL, or correct host and port in DATABASE_URL.',
  ENOTFOUND: 'The host has no address: correct it in DATABASE_URL.',
  EAI_AGAIN: 'The host name cannot be resolved now: correct it in DATABASE_URL, or repair the name service.',
  ETIMEDOUT: 'Nobody answers: is there a firewall between, or is the host in DATABASE_URL another one?',
  '28P01': 'The password in DATABASE_URL is not that of the user: correct it.',
  '28000': 'pg_hba.conf does not let this user in from here: add a line for him, or correct the user in DATABASE_URL.',
  '3D000': 'Make the database (`createdb`), or correct its name in DATABASE_URL.',
  '53300': 'All connections are taken: raise max_connections, or lower DATABASE_POOL_SIZE of the instances.',
  '08P01': 'A pooler stands between that refuses a setting: see its ignore_startup_parameters.',
};

/** @param clean makes an error's text fit to be shown */
export async function* examineDatabase(
  config: Config,
  url: string,
  clean: (text: string) => string,
): AsyncGenerator<Finding> {
  const log = createLogger('silent');
  const options = { servers: parseDatabaseUrl(url), poolSize: 1, statementTimeoutMs: STATEMENT_TIMEOUT_MS };
  const db = new PgDb(options, log);
  // A second session beside the first one: a pooler that lets both use one process of the server shows itself.
  const other = new PgDb(options, log);
  const at = redactUrl(url);
  try {
    const startedAtMs = performance.now();
    const backend = await readBackend(db);
    yield ok(SUBJECT, `${at} answers (${Math.ceil(performance.now() - startedAtMs)} ms)`);
    const facts = await readFacts(db);
    yield* examineServer(config, facts);
    yield* examineSchema(db, facts, clean);
    if ((await readBackend(other)) === backend) {
      yield warning(
        'pooler',
        'sessions share a process of the server: there is a pooler in transaction mode',
        'It works, with statements that are not prepared. The pooler passes no statement_timeout on: set it for the role. Hubbub ' +
          'has a pool of its own; session mode, or no pooler, is one thing less to go wrong.',
      );
    }
    const beforeMs = Date.now();
    const theirMs = await readClock(db);
    yield compareClocks('the database', { beforeMs, afterMs: Date.now(), theirMs });
  } catch (error) {
    const cause = error instanceof StorageUnavailable ? error.cause : error;
    yield failure(SUBJECT, `${at}: ${clean(reasonOf(cause))}`, remedyOf(cause));
  } finally {
    await Promise.all([db.close(), other.close()]);
  }
}

function* examineServer(config: Config, facts: DatabaseFacts): Generator<Finding> {
  const { version, version_number, encoding, synchronous_commit, fsync, max_connections, connections } = facts;
  yield version_number >= MIN_VERSION
    ? ok(SUBJECT, `PostgreSQL ${version}`)
    : failure(SUBJECT, `PostgreSQL ${version} is too old`, 'Use PostgreSQL 13 or newer.');
  if (encoding !== 'UTF8') {
    yield failure(SUBJECT, `its encoding is ${encoding}`, 'Make the database anew with the encoding UTF8.');
  }
  if (facts.read_only) {
    yield failure(SUBJECT, 'it cannot be written to: a standby, or read-only', 'Name the primary in DATABASE_URL.');
  }
  if (synchronous_commit === 'off') {
    yield failure(
      SUBJECT,
      'synchronous_commit is off: a crash of it loses messages that were accepted',
      'Set it to on, for this user too: alter role ... reset synchronous_commit.',
    );
  } else if (synchronous_commit === 'local') {
    yield warning(
      SUBJECT,
      'synchronous_commit is local: a standby that takes over may lack messages that were accepted',
      'Set it to on where a synchronous standby is meant to take over.',
    );
  } else yield ok(SUBJECT, `synchronous_commit is ${synchronous_commit}`);
  if (fsync !== 'on') {
    yield warning(SUBJECT, 'fsync is off: a crash of its machine destroys it', 'Set it to on, except for a test.');
  }
  const free = max_connections - connections;
  yield free >= config.databasePoolSize
    ? ok(SUBJECT, `${free} of ${max_connections} connections are free, ${config.databasePoolSize} are wanted at most`)
    : warning(
        SUBJECT,
        `${free} of ${max_connections} connections are free, and DATABASE_POOL_SIZE wants ${config.databasePoolSize}`,
        'Raise max_connections of the database, or lower DATABASE_POOL_SIZE; a running instance has its part of it already.',
      );
}

async function* examineSchema(
  db: PgDb,
  facts: DatabaseFacts,
  clean: (text: string) => string,
): AsyncGenerator<Finding> {
  const subject = 'schema';
  const newest = loadMigrations().length;
  try {
    const { version, refusal } = await migrationStatus(db);
    if (refusal !== null) {
      yield failure(
        subject,
        `it has version ${version}, which this Hubbub, of version ${newest}, may not run beside`,
        'Start a newer Hubbub, or bring the schema down with the newer one first (hubbub migrate down).',
      );
    } else if (version > newest) {
      yield ok(subject, `version ${version} is newer than this Hubbub, which may run beside it`);
    } else {
      const pending = newest - version;
      yield ok(
        subject,
        `version ${version} of ${newest}${pending === 0 ? '' : `; start brings up the other ${pending}`}`,
      );
    }
  } catch (error) {
    yield failure(subject, clean(reasonOf(error)), 'Without it nothing starts.');
    return;
  }
  const { user_name: user, schema_name: schema, may_create: mayCreate, foreign_tables: foreign } = facts;
  const who = clean(user);
  if (!mayCreate) {
    yield failure(
      subject,
      `${who} may not make tables${schema === null ? ': no schema of the search_path exists' : ` in ${clean(schema)}`}`,
      `Give him the database (alter database ... owner to ${who}), or grant create on schema ${clean(schema ?? 'public')}.`,
    );
  } else if (foreign.length > 0) {
    yield failure(
      subject,
      `${foreign.length} tables belong to another user than ${who}, like ${foreign[0]}: migrations cannot change them`,
      `Give them to him (reassign owned by ... to ${who}), or use their owner in DATABASE_URL.`,
    );
  } else yield ok(subject, `${who} may migrate it`);
}

function remedyOf(cause: unknown): string {
  const code = cause instanceof AggregateError ? codeOf(cause.errors[0]) : (sqlState(cause) ?? codeOf(cause));
  return REMEDIES[code] ?? 'See that it runs, and that DATABASE_URL is right.';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
