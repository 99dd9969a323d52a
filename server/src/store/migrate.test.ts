import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { PgliteDb } from './db-pglite.js';
import { loadMigrations, type Migration, migrate, migrationStatus } from './migrate.js';

let db: PgliteDb;
before(async () => {
  db = await PgliteDb.open('memory://');
});
beforeEach(() => db.exec('drop schema public cascade; create schema public'));
after(() => db.close());

const NAMES = loadMigrations().map(({ name }) => name);

async function tables(): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' order by tablename",
  );
  return rows.map(({ name }) => name);
}

/** Columns, indexes and constraints of the schema, to be compared. */
async function shape(): Promise<unknown[]> {
  return [
    await db.query(`select table_name, column_name, data_type, column_default, is_nullable
      from information_schema.columns where table_schema = 'public' order by 1, 2`),
    await db.query("select tablename, indexdef from pg_indexes where schemaname = 'public' order by 1, 2"),
  ];
}

test('going up makes every table of the contract and says what was done', async () => {
  assert.deepEqual(await migrate(db), NAMES);
  const made = await tables();
  for (const table of [
    'users',
    'chat_channels',
    'channel_members',
    'chat_messages',
    'chat_bans',
    'chat_mutes',
    'chat_moderation_log',
    'user_presence',
  ]) {
    assert.ok(made.includes(table), table);
  }
});

test('going up again finds nothing left to do', async () => {
  await migrate(db);
  assert.deepEqual(await migrate(db), []);
  const status = await migrationStatus(db);
  assert.equal(status.version, NAMES.length);
  assert.ok(status.migrations.every(({ applied }) => applied));
});

test('going down leaves nothing but the table of versions, and going up again makes the same schema', async () => {
  await migrate(db);
  const before = await shape();
  assert.deepEqual(await migrate(db, 0), NAMES.toReversed());
  assert.deepEqual(await tables(), ['schema_migrations', 'schema_steps']);
  assert.equal((await migrationStatus(db)).version, 0);
  assert.deepEqual(await migrate(db), NAMES);
  assert.deepEqual(await shape(), before);
});

test('every single step can be taken down and up again', async () => {
  for (let version = 1; version <= NAMES.length; version++) {
    assert.deepEqual(await migrate(db, version), [NAMES[version - 1]]);
    const before = await shape();
    assert.deepEqual(await migrate(db, version - 1), [NAMES[version - 1]]);
    assert.deepEqual(await migrate(db, version), [NAMES[version - 1]]);
    assert.deepEqual(await shape(), before);
    assert.equal((await migrationStatus(db)).version, version);
  }
});

test('all moments are kept with a time zone', async () => {
  await migrate(db);
  const zoneless = await db.query(`select table_name, column_name from information_schema.columns
    where table_schema = 'public' and data_type = 'timestamp without time zone'`);
  assert.deepEqual(zoneless, []);
});

test('a version that does not exist is refused', async () => {
  await assert.rejects(migrate(db, NAMES.length + 1), /There is no migration/);
  await assert.rejects(migrate(db, -1), /There is no migration/);
});

test('the status of an empty database is told without changing it', async () => {
  const status = await migrationStatus(db);
  assert.equal(status.version, 0);
  assert.ok(status.migrations.every(({ applied }) => !applied));
  assert.deepEqual(await tables(), []);
});

test('a database whose newer steps are not known is refused and left as it is', async () => {
  await migrate(db);
  await db.query('update schema_migrations set version = $1', [NAMES.length + 1]);
  const refusal = new RegExp(`schema version ${NAMES.length + 1}.*is not known.*newer Hubbub`);
  await assert.rejects(migrate(db), refusal);
  await assert.rejects(migrate(db, 0), /newer Hubbub/);
  assert.match((await migrationStatus(db)).refusal ?? '', refusal);
  assert.ok((await tables()).includes('chat_messages'));
});

/** What a newer version brings: one step more than this program has. */
function withStep(breaking: boolean): Migration[] {
  const step = { name: 'later', breaking, up: 'create table later ()', down: 'drop table later' };
  return [...loadMigrations(), { version: NAMES.length + 1, ...step }];
}

test('a newer version takes a compatible step, and this program starts beside it', async () => {
  await migrate(db, undefined, withStep(false));
  assert.deepEqual(await migrate(db), []);
  const { version, unknown, refusal } = await migrationStatus(db);
  assert.deepEqual([version, refusal], [NAMES.length + 1, null]);
  assert.deepEqual(unknown, [{ version: NAMES.length + 1, name: 'later', breaking: false }]);
  await assert.rejects(migrate(db, NAMES.length), /only a newer Hubbub can bring it/);
  assert.ok((await tables()).includes('later'));
});

test('a newer version takes a breaking step, and this program is refused until it is taken back', async () => {
  const newer = withStep(true);
  await migrate(db, undefined, newer);
  const refusal = new RegExp(
    `must not run beside step ${NAMES.length + 1} \\(later\\).*migrate down --to ${NAMES.length}$`,
  );
  await assert.rejects(migrate(db), refusal);
  assert.match((await migrationStatus(db)).refusal ?? '', refusal);
  await migrate(db, NAMES.length, newer);
  assert.deepEqual(await migrate(db), []);
  assert.equal((await migrationStatus(db)).refusal, null);
});

// With golang-migrate's command line, or by a version from before steps were declared.
test('steps that another tool has taken are declared by the next start of a program that knows them', async () => {
  await migrate(db);
  await db.exec('drop table schema_steps');
  assert.deepEqual(await migrate(db), []);
  assert.deepEqual(await migrate(db, undefined, loadMigrations().slice(0, -1)), []);
});

test('a database that another tool left dirty is refused', async () => {
  await migrate(db, 3);
  await db.query('update schema_migrations set dirty = true');
  await assert.rejects(migrate(db), /Migration 3 was left unfinished/);
  await assert.rejects(migrationStatus(db), /Migration 3 was left unfinished/);
});

test('a step that fails takes back all that was done with it', async () => {
  const [first] = loadMigrations();
  assert.ok(first);
  const broken: Migration = {
    version: 2,
    name: 'broken',
    breaking: false,
    up: 'create table half (id int); nonsense',
    down: '',
  };
  await assert.rejects(migrate(db, 2, [first, broken]));
  assert.deepEqual(await tables(), []);
  assert.deepEqual(await migrate(db, 1, [first, broken]), ['users']);
});

function directoryOf(t: TestContext, ...files: string[]): URL {
  const directory = mkdtempSync(join(tmpdir(), 'hubbub-migrations-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  for (const file of files) writeFileSync(join(directory, file), `-- compatible: ${file}`);
  return pathToFileURL(`${directory}/`);
}

test('migrations are read in the order of their numbers', (t) => {
  const files = [2, 10, 1, 3, 4, 5, 6, 7, 8, 9].flatMap((number) =>
    ['up', 'down'].map((direction) => `${String(number).padStart(6, '0')}_m${number}.${direction}.sql`),
  );
  const migrations = loadMigrations(directoryOf(t, ...files));
  assert.deepEqual(
    migrations.map(({ version }) => version),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  assert.deepEqual(migrations[9], {
    version: 10,
    name: 'm10',
    breaking: false,
    up: '-- compatible: 000010_m10.up.sql',
    down: '-- compatible: 000010_m10.down.sql',
  });
});

test('a missing number, a missing counterpart and a wrong name are refused', (t) => {
  const load = (...files: string[]) => loadMigrations(directoryOf(t, ...files));
  const one = ['000001_a.up.sql', '000001_a.down.sql'];
  assert.throws(() => load(...one, '000003_c.up.sql', '000003_c.down.sql'), /number 2 is missing/);
  assert.throws(() => load('000002_b.up.sql', '000002_b.down.sql'), /number 1 is missing/);
  assert.throws(() => load(...one, '000002_b.up.sql'), /lacks its up or its down file/);
  assert.throws(() => load(...one, '000002_b.down.sql'), /lacks its up or its down file/);
  assert.throws(() => load(...one, '2_b.up.sql'), /is not named/);
  assert.throws(() => load(...one, 'README.md'), /is not named/);
});

test('a migration that does not say what may run beside it is refused', (t) => {
  const directory = directoryOf(t, '000001_a.up.sql', '000001_a.down.sql');
  writeFileSync(new URL('000001_a.up.sql', directory), 'create table a ();');
  assert.throws(() => loadMigrations(directory), /first line of a's up file/);
});

// Two branches that each added a number: without a word one of them would never be applied.
test('two migrations of one number are refused', (t) => {
  const files = ['000001_a.up.sql', '000001_a.down.sql', '000001_b.up.sql', '000001_b.down.sql'];
  assert.throws(() => loadMigrations(directoryOf(t, ...files)));
});
