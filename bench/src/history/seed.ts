import type pg from 'pg';

/** What is put into one table: a hot channel with a tenth of all messages, and a long tail of channels alike. */
export interface SeedPlan {
  readonly messages: number;
  /** Messages of each channel of the tail; divides nine tenths of all. */
  readonly tailLength: number;
  /** Days over which the messages were sent, up to now. Default: as many as there are at one a second. */
  readonly spanDays?: number;
}

/** What can be read after it. */
export interface Seeded extends SeedPlan {
  /** With as many messages as its last place. */
  readonly hot: { readonly id: string; readonly lastSeq: number };
  readonly tail: readonly { readonly id: string; readonly lastSeq: number }[];
  readonly seconds: number;
  /** Size of the table of messages with its indexes. */
  readonly tableMib: number;
}

const USERS = 1000;
const BATCH = 100_000;

const SEED_USERS = `
  insert into users (id, username)
  select md5('seed user ' || n)::uuid, 'seed-' || n from generate_series(0, $1::int - 1) n`;

/** Channel 0 is the hot one. */
const SEED_CHANNELS = `
  insert into chat_channels (id, name, creator_id, last_seq)
  select md5('seed channel ' || n)::uuid, 'seed ' || n, md5('seed user 0')::uuid, case when n = 0 then $2::bigint else $3 end
  from generate_series(0, $1::int) n`;

/**
 * Every tenth message is the hot channel's, the others go to the tail in turn: a channel's messages lie as far apart in
 * the table as they do where many channels talk at a time.
 */
const SEED_MESSAGES = `
  insert into chat_messages (id, channel_id, user_id, content, seq, created_at, updated_at)
  select gen_random_uuid(), md5('seed channel ' || case when hot then 0 else 1 + place % $3 end)::uuid,
    md5('seed user ' || n % ${USERS})::uuid, 'lorem ipsum dolor sit amet consectetur adipiscing elit ' || n,
    case when hot then n / 10 + 1 else place / $3 + 1 end, at, at
  from (
    select n, n % 10 = 0 as hot, n - n / 10 - 1 as place, now() - ($4::bigint - n) * $5::float8 * interval '1 second' as at
    from generate_series($1::bigint, $2::bigint) n
  ) as rows`;

/**
 * Fills the tables of a database that Hubbub has made, a batch a statement.
 *
 * @param client of a superuser: references are not looked at, everything fits by the way it is made
 * @param say told how far it is
 */
export async function seed(client: pg.Client, plan: SeedPlan, say: (text: string) => void): Promise<Seeded> {
  const { messages, tailLength } = plan;
  const hotLength = messages / 10;
  const tails = (messages - hotLength) / tailLength;
  if (!Number.isInteger(tails)) throw new Error(`${messages} messages cannot be dealt to channels of ${tailLength}`);
  const startedMs = performance.now();
  await client.query('set session_replication_role = replica');
  await client.query('set synchronous_commit = off');
  const secondsBetween = plan.spanDays === undefined ? 1 : (plan.spanDays * 86_400) / messages;
  // Indexes are built at the end: to keep ids at random places in order a row at a time takes several times as long.
  await client.query(
    "update pg_index set indisready = false, indisvalid = false where indrelid = 'chat_messages'::regclass",
  );
  await client.query(SEED_USERS, [USERS]);
  await client.query(SEED_CHANNELS, [tails, hotLength, tailLength]);
  for (let from = 0; from < messages; from += BATCH) {
    const to = Math.min(messages, from + BATCH);
    await client.query(SEED_MESSAGES, [from, to - 1, tails, messages, secondsBetween]);
    if (to % (BATCH * 10) === 0 || to === messages) {
      say(`${to} of ${messages} messages, ${Math.round(to / ((performance.now() - startedMs) / 1000))} a second`);
    }
  }
  await client.query('reindex table chat_messages');
  // As after a day: no hint bits are left to set, and the planner knows what there is.
  for (const table of ['users', 'chat_channels', 'chat_messages']) await client.query(`vacuum (analyze) ${table}`);
  await client.query('checkpoint');
  const { rows } = await client.query<{ mib: string }>(
    "select pg_total_relation_size('chat_messages') / 1048576.0 as mib",
  );
  const ids = await client.query<{ id: string; hot: boolean }>(
    "select id, id = md5('seed channel 0')::uuid as hot from chat_channels order by id",
  );
  return {
    ...plan,
    hot: { id: ids.rows.find(({ hot }) => hot)?.id ?? '', lastSeq: hotLength },
    tail: ids.rows.filter(({ hot }) => !hot).map(({ id }) => ({ id, lastSeq: tailLength })),
    seconds: (performance.now() - startedMs) / 1000,
    tableMib: Number(rows[0]?.mib ?? 0),
  };
}
