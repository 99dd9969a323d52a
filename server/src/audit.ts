import type { Queryable } from './store/db.js';
import {
  chainHash,
  type LogFilter,
  type LogRow,
  listTrails,
  readLogAfter,
  wholeTrail,
} from './store/moderation-log.js';

const READ_ROWS = 500;

/** What a check of one trail came to. */
export interface TrailReport {
  /** Null: the whole site. */
  readonly channelId: string | null;
  readonly rows: number;
  /** The first row whose hash does not follow from it and the row before it; null: all do. */
  readonly brokenAt: number | null;
}

/** The rows of a trail, oldest first, read in parts: a trail of any length passes through. */
export async function* readTrail(db: Queryable, filter: LogFilter): AsyncGenerator<LogRow> {
  let afterId = 0;
  for (;;) {
    const rows = await readLogAfter(db, filter, afterId, READ_ROWS);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < READ_ROWS) return;
    afterId = last.id;
  }
}

/** Checks the hashes of every trail: a row that was changed, added or taken away shows, except at a trail's end. */
export async function* verifyTrails(db: Queryable): AsyncGenerator<TrailReport> {
  for (const channelId of await listTrails(db)) {
    let previous = '';
    let rows = 0;
    let brokenAt: number | null = null;
    for await (const row of readTrail(db, wholeTrail(channelId))) {
      rows++;
      const hash = chainHash(previous, {
        channelId: row.channel_id,
        moderatorId: row.moderator_id,
        targetUserId: row.target_user_id,
        action: row.action,
        reason: row.reason,
        details: row.details,
        at: row.created_at,
      });
      if (hash !== row.hash) brokenAt ??= row.id;
      previous = row.hash;
    }
    yield { channelId, rows, brokenAt };
  }
}
