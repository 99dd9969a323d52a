import { readdirSync, readFileSync } from 'node:fs';
import type { Db, Queryable } from './db.js';

/*
 * Migrations follow golang-migrate's convention, so that its command line works on the same files and the same
 * database: files `NNNNNN_name.up.sql` / `.down.sql`, and a table `schema_migrations` with one row (version, dirty).
 * Here all steps run in one transaction, so `dirty` is never left true by Hubbub; a true one was left by another tool.
 */

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly up: string;
  readonly down: string;
}

export interface MigrationStatus {
  /** Version of the database; 0 where nothing was applied yet. */
  readonly version: number;
  readonly migrations: readonly { readonly version: number; readonly name: string; readonly applied: boolean }[];
}

const DIRECTORY = new URL('../../migrations/', import.meta.url);
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
    return { version, name, up, down };
  });
}

/**
 * Brings the schema to `target`, up or down. Instances that start at once wait for each other under an advisory lock
 * and the later ones find nothing left to do.
 *
 * @param target version to reach; the newest when absent
 * @returns names of the steps that were taken, in order
 * @throws Error when the database is newer than this program, or was left dirty by another tool
 */
export async function migrate(db: Db, target?: number, migrations = loadMigrations()): Promise<string[]> {
  const newest = migrations.length;
  const goal = target ?? newest;
  if (goal < 0 || goal > newest) throw new Error(`There is no migration ${goal}; versions go from 0 to ${newest}.`);
  return await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
    await tx.exec('create table if not exists schema_migrations (version bigint primary key, dirty boolean not null)');
    const current = await currentVersion(tx);
    if (current > newest) {
      throw new Error(
        `The database has schema version ${current}, this Hubbub knows versions up to ${newest}: start a newer Hubbub, ` +
          'or bring the schema down with the newer one first.',
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
    return steps.map(({ name }) => name);
  });
}

/** Which migrations the database has. Changes nothing. */
export async function migrationStatus(db: Db, migrations = loadMigrations()): Promise<MigrationStatus> {
  const [table] = await db.query<{ present: boolean }>(
    "select to_regclass('schema_migrations') is not null as present",
  );
  const version = table?.present === true ? await currentVersion(db) : 0;
  return {
    version,
    migrations: migrations.map((each) => ({
      version: each.version,
      name: each.name,
      applied: each.version <= version,
    })),
  };
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
