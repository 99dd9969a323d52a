import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { PostgresServer } from '@hubbub/test/support/postgres.js';
import { createChannel } from '../server/dist/store/channels.js';
import { PgDb } from '../server/dist/store/db-pg.js';
import { appendMessages } from '../server/dist/store/messages.js';
import { migrate } from '../server/dist/store/migrate.js';
import { upsertUser } from '../server/dist/store/users.js';

const variant = process.argv[2] ?? 'base';
const server = await PostgresServer.start({
  settings: {
    synchronous_commit: 'on',
    shared_buffers: '256MB',
    max_wal_size: '4GB',
    fsync: process.env.FSYNC ?? 'on',
  },
});
try {
  const db = new PgDb(
    { url: server.url(), poolSize: 4, statementTimeoutMs: 10000 },
    { error() {}, warn() {}, info() {}, debug() {} },
  );
  await migrate(db);
  const users = Array.from({ length: 200 }, () => randomUUID());
  for (const [i, id] of users.entries())
    await upsertUser(db, { id, username: `u${i}`, displayName: null, avatarUrl: null, role: 'user' });
  const ch = randomUUID();
  await createChannel(db, ch, users[0], { name: 'x' });
  if (variant === 'nofk')
    await db.query(
      'alter table chat_messages drop constraint chat_messages_channel_id_fkey, drop constraint chat_messages_user_id_fkey',
    );
  if (variant === 'nochfk') await db.query('alter table chat_messages drop constraint chat_messages_channel_id_fkey');
  const [{ access_version: v }] = await db.query('select access_version from chat_channels where id=$1', [ch]);
  const cpu = () => {
    let t = 0;
    for (const p of execFileSync('pgrep', ['-P', String(server.pid)])
      .toString()
      .split('\n')
      .filter(Boolean)) {
      try {
        const f = execFileSync('cat', [`/proc/${p}/stat`])
          .toString()
          .split(') ')[1]
          .split(' ');
        t += Number(f[11]) + Number(f[12]);
      } catch {}
    }
    return t * 10;
  };
  for (const n of [1, 10, 40, 80, 200]) {
    const rounds = Math.ceil(6000 / Math.max(n, 10));
    const mk = () =>
      Array.from({ length: n }, () => ({
        id: randomUUID(),
        userId: users[(Math.random() * 200) | 0],
        content: 'x'.repeat(100),
      }));
    for (let i = 0; i < 20; i++) await appendMessages(db, ch, mk(), Number(v));
    const batches = Array.from({ length: rounds }, mk);
    const c0 = cpu(),
      t0 = performance.now();
    for (const b of batches) await appendMessages(db, ch, b, Number(v));
    const t = performance.now() - t0,
      c = cpu() - c0;
    console.log(
      variant,
      `n=${n} wall ${(t / rounds).toFixed(2)} ms/stmt, ${((1000 * t) / rounds / n).toFixed(1)} us/row; pg cpu ${((1000 * c) / rounds / n).toFixed(1)} us/row`,
    );
  }
  await db.close();
} finally {
  await server.stop();
}
