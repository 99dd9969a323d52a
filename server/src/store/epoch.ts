import type { Db, Queryable } from './db.js';

/*
 * The epoch names the life of the data. Within one, `seq` of a channel only grows. After a backup was restored it is less
 * than what clients have seen, and places are given out a second time: a client that resumed by its `seq` alone would
 * miss messages without a word. So it names the epoch, too.
 */

/** The epoch of now. */
export async function readEpoch(db: Queryable): Promise<string> {
  const [row] = await db.query<{ epoch: string }>('select epoch from site_state');
  if (row === undefined) throw new Error('readEpoch: site_state has no row');
  return row.epoch;
}

/** Begins another epoch, in this database. @returns it */
export async function renewEpoch(db: Queryable): Promise<string> {
  const [row] = await db.query<{ epoch: string }>(
    'update site_state set epoch = gen_random_uuid(), epoch_home = $1 returning epoch',
    [await readHome(db)],
  );
  if (row === undefined) throw new Error('renewEpoch: site_state has no row');
  return row.epoch;
}

/**
 * Begins another epoch if the database is not the one in which this one began: it was made from a dump. The copy of a data
 * folder and recovery to a point in time look like the original, and have to be told of by {@link renewEpoch}.
 *
 * @returns whether it was restored
 */
export async function settleEpoch(db: Db): Promise<boolean> {
  const home = await readHome(db);
  const [{ epoch_home: before } = { epoch_home: null }] = await db.query<{ epoch_home: string | null }>(
    'select epoch_home from site_state',
  );
  if (before === home) return false;
  // Of instances that start together one does it.
  const renewed = await db.query(
    `update site_state set epoch = gen_random_uuid(), epoch_home = $1 where epoch_home is not distinct from $2
     returning epoch`,
    [home, before],
  );
  return before !== null && renewed.length > 0;
}

/**
 * Begins another epoch if a channel has lost places that were given out in this one. The database is asked again in the
 * same statement, on a connection that may write: a copy that only lags is no reason.
 *
 * @param seq place of the channel that was committed in `epoch`
 * @returns whether another one has begun
 */
export async function renewEpochIfBehind(
  db: Queryable,
  epoch: string,
  channelId: string,
  seq: number,
): Promise<boolean> {
  const rows = await db.query(
    `update site_state set epoch = gen_random_uuid()
     where epoch = $1 and not exists (select from chat_channels c where c.id = $2 and c.last_seq >= $3)
     returning epoch`,
    [epoch, channelId, seq],
  );
  return rows.length > 0;
}

/**
 * What a restored dump has not in common with the original: the cluster, the database in it, and the table, which gets
 * another number even when it is restored in place.
 */
async function readHome(db: Queryable): Promise<string> {
  const [row] = await db.query<{ database: number; table: number; may_read_cluster: boolean }>(
    `select d.oid::bigint as database, 'site_state'::regclass::oid::bigint as table,
       has_function_privilege('pg_control_system()', 'execute') as may_read_cluster
     from pg_database d where d.datname = current_database()`,
  );
  if (row === undefined) throw new Error('readHome: the database does not know itself');
  const [cluster] = row.may_read_cluster
    ? await db.query<{ id: string }>('select system_identifier::text as id from pg_control_system()')
    : [];
  return `${cluster?.id ?? ''}/${row.database}/${row.table}`;
}
