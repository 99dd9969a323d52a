/** What `hubbub doctor` asks a database. */
import type { Queryable } from './db.js';

export interface DatabaseFacts {
  /** As `server_version_num`: 150004 is 15.4. */
  readonly version_number: number;
  readonly version: string;
  readonly encoding: string;
  /** A standby, or one that was made read-only. */
  readonly read_only: boolean;
  readonly synchronous_commit: string;
  readonly fsync: string;
  /** Connections that the server takes from users like this one. */
  readonly max_connections: number;
  /** Those of now, this one too. */
  readonly connections: number;
  readonly user_name: string;
  readonly schema_name: string | null;
  /** Whether the user may make tables. */
  readonly may_create: boolean;
  /** Tables of Hubbub's that belong to someone else, so that this user cannot change them. */
  readonly foreign_tables: readonly string[];
}

/** Settings and rights, as they are for this user. */
export async function readFacts(db: Queryable): Promise<DatabaseFacts> {
  const [facts] = await db.query<DatabaseFacts>(
    `select current_setting('server_version_num')::int as version_number,
            current_setting('server_version') as version,
            current_setting('server_encoding') as encoding,
            current_setting('transaction_read_only') = 'on' as read_only,
            current_setting('synchronous_commit') as synchronous_commit,
            current_setting('fsync') as fsync,
            current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
              as max_connections,
            (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as connections,
            current_user::text as user_name,
            current_schema()::text as schema_name,
            coalesce((select has_schema_privilege(oid, 'create') from pg_namespace where nspname = current_schema()), false)
              as may_create,
            (select coalesce(array_agg(c.relname::text order by c.relname), '{}')
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname = current_schema()
                and c.relkind in ('r', 'p')
                and (c.relname in ('schema_migrations', 'users', 'user_presence') or c.relname ~ '^(chat|channel)_')
                and not pg_has_role(c.relowner, 'usage')) as foreign_tables`,
  );
  if (facts === undefined) throw new Error('the database gave no row');
  return facts;
}

/** The database's clock, in milliseconds since the epoch. */
export async function readClock(db: Queryable): Promise<number> {
  const [row] = await db.query<{ now_ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms',
  );
  return row?.now_ms ?? Number.NaN;
}

/** The process of the server that carries out this statement. */
export async function readBackend(db: Queryable): Promise<number> {
  const [row] = await db.query<{ pid: number }>('select pg_backend_pid() as pid');
  return row?.pid ?? 0;
}
