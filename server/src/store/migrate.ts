import { readdirSync, readFileSync } from 'node:fs';
import type { Db, Queryable } from './db.js';

/*
 * Migrations follow golang-migrate's convention, so that its command line works on the same files and the same
 * database: files `NNNNNN_name.up.sql` / `.down.sql`, and a table `schema_migrations` with one row (version, dirty).
 * Here all steps run in one transaction, so `dirty` is never left true by Hubbub; a true one was left by another tool.
 *
 * The first line of an up file says whether a Hubbub that does not know the step may go on running beside it:
 *
 *     -- compatible: why      -- breaking: why
 *
 * What it says is kept in `schema_steps`, where an older Hubbub, which has no such file, reads it.
 */

export interface Migration {
  readonly version: number;
  readonly name: string;
  /** Whether a Hubbub that does not know it must not run on the schema any more. */
  readonly breaking: boolean;
  readonly up: string;
  readonly down: string;
}

/** A step that the database has taken and this program does not know. */
interface UnknownStep {
  readonly version: number;
  readonly name: string;
  readonly breaking: boolean;
}

export interface MigrationStatus {
  /** Version of the database; 0 where nothing was applied yet. */
  readonly version: number;
  readonly migrations: readonly {
    readonly version: number;
    readonly name: string;
    readonly breaking: boolean;
    readonly applied: boolean;
  }[];
  /** Steps after the last of `migrations`, taken by a newer Hubbub, as far as it told of them. */
  readonly unknown: readonly UnknownStep[];
  /** Why this program must not run on the database; null: it may. */
  readonly refusal: string | null;
}

const DIRECTORY = new URL('../../migrations/', import.meta.url);
const DECLARATION = /^-- (compatible|breaking): \S/;
const FILE = /^(\d{6})_(\w+)\.(up|down)\.sql$/;
// Any constant of our own; the transaction-level lock needs no session state and goes with the transaction.
const ADVISORY_LOCK = 4_820_119_077;

/** The migrations of this program, in order. Throws when a file has no counterpart or a number is missing. */
export function loadMigrations(directory: URL = DIRECTORY): Migration[] {
  const found = new Map<number, { name: string; up?: string; down?: string }>();
  for (const file of readdirSync(directory).sort()) {
    const match = FILE.exec(file);
    if (match === null) throw new Error(`migrations: ${file} is not named NNNNNN_name.up.sql or NNNNNN_name.down.sql`);
    const [, number = '', name = '', direction] = match;
    const entry = found.get(Number(number)) ?? { name };
    if (entry.name !== name)
      throw new Error(`migrations: number ${number} is used twice, by ${entry.name} and ${name}`);
    entry[direction as 'up' | 'down'] = readFileSync(new URL(file, directory), 'utf8');
    found.set(Number(number), entry);
  }
  return [...found].map(([version, { name, up, down }], index) => {
    if (version !== index + 1) throw new Error(`migrations: number ${index + 1} is missing`);
    if (up === undefined || down === undefined) throw new Error(`migrations: ${name} lacks its up or its down file`);
    const declared = DECLARATION.exec(up)?.[1];
    if (declared === undefined) {
      throw new Error(
        `migrations: the first line of ${name}'s up file is not "-- compatible: why" or "-- breaking: why"`,
      );
    }
    return { version, name, breaking: declared === 'breaking', up, down };
  });
}

/**
 * Brings the schema to `target`, up or down. Instances that start at once wait for each other under an advisory lock
 * and the later ones find nothing left to do; so does one that is older than the schema and may run beside it.
 *
 * @param target version to reach; the newest when absent
 * @returns names of the steps that were taken, in order
 * @throws Error when this program must not run on the database, when a target is named for one that is newer than this
 *     program, or when it was left dirty by another tool
 */
export async function migrate(db: Db, target?: number, migrations = loadMigrations()): Promise<string[]> {
  const newest = migrations.length;
  const goal = target ?? newest;
  if (goal < 0 || goal > newest) throw new Error(`There is no migration ${goal}; versions go from 0 to ${newest}.`);
  return await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    await tx.exec('create table if not exists schema_migrations (version bigint primary key, dirty boolean not null)');
    await tx.exec(
      'create table if not exists schema_steps (version bigint primary key, name text not null, breaking boolean not null)',
    );
    const current = await currentVersion(tx);
    if (current > newest) {
      const refusal = refusalOf(newest, current, await readUnknown(tx, newest, current));
      if (refusal !== null) throw new Error(refusal);
      if (target === undefined) return [];
      throw new Error(
        `The database has schema version ${current}, this Hubbub knows versions up to ${newest}: only a newer Hubbub can ` +
          'bring it to another version.',
      );
    }
    const steps =
      goal >= current
        ? migrations.slice(current, goal).map(({ name, up }) => ({ name, sql: up }))
        : migrations
            .slice(goal, current)
            .reverse()
            .map(({ name, down }) => ({ name, sql: down }));
    for (const step of steps) await tx.exec(step.sql);
    if (steps.length > 0) {
      await tx.query('delete from schema_migrations');
      if (goal > 0) await tx.query('insert into schema_migrations (version, dirty) values ($1, false)', [goal]);
    }
    await declare(tx, migrations.slice(0, goal));
    return steps.map(({ name }) => name);
  });
}

/** Which migrations the database has. Changes nothing. */
export async function migrationStatus(db: Db, migrations = loadMigrations()): Promise<MigrationStatus> {
  const [table] = await db.query<{ present: boolean }>(
    "select to_regclass('schema_migrations') is not null as present",
  );
  const version = table?.present === true ? await currentVersion(db) : 0;
  const newest = migrations.length;
  const unknown = version > newest ? await readUnknown(db, newest, version) : [];
  return {
    version,
    migrations: migrations.map((each) => ({
      version: each.version,
      name: each.name,
      breaking: each.breaking,
      applied: each.version <= version,
    })),
    unknown,
    refusal: version > newest ? refusalOf(newest, version, unknown) : null,
  };
}

/** Why a program that knows versions up to `newest` must not run on a database of version `current`; null: it may. */
function refusalOf(newest: number, current: number, unknown: readonly UnknownStep[]): string | null {
  const which = `The database has schema version ${current}, this Hubbub knows versions up to ${newest}`;
  const remedy = `Start a newer Hubbub, or have the newer one bring the schema down first: hubbub migrate down --to ${newest}`;
  const breaking = unknown.filter((step) => step.breaking).map((step) => `${step.version} (${step.name})`);
  if (breaking.length > 0) return `${which} and must not run beside step ${breaking.join(', ')}. ${remedy}`;
  // Steps that another tool has taken, or a Hubbub from before they were declared.
  if (unknown.length < current - newest)
    return `${which}, and whether it may run beside the others is not known. ${remedy}`;
  return null;
}

async function readUnknown(db: Queryable, newest: number, current: number): Promise<UnknownStep[]> {
  const [table] = await db.query<{ present: boolean }>("select to_regclass('schema_steps') is not null as present");
  if (table?.present !== true) return [];
  return await db.query<UnknownStep>(
    'select version, name, breaking from schema_steps where version > $1 and version <= $2 order by version',
    [newest, current],
  );
}

/** Writes down what the steps say of themselves, also those that another tool has taken; what is above them is gone. */
async function declare(tx: Queryable, steps: readonly Migration[]): Promise<void> {
  await tx.query('delete from schema_steps where version > $1', [steps.length]);
  await tx.query(
    `insert into schema_steps (version, name, breaking)
     select * from unnest($1::bigint[], $2::text[], $3::boolean[]) on conflict (version) do nothing`,
    [steps.map(({ version }) => version), steps.map(({ name }) => name), steps.map(({ breaking }) => breaking)],
  );
}

async function currentVersion(db: Queryable): Promise<number> {
  const [row] = await db.query<{ version: number; dirty: boolean }>('select version, dirty from schema_migrations');
  if (row?.dirty === true) {
    throw new Error(
      `Migration ${row.version} was left unfinished by another tool (schema_migrations.dirty is true): ` +
        'repair it with that tool, then start again.',
    );
  }
  return row?.version ?? 0;
}
