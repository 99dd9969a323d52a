import type { AutoModeration, ShieldBody, ShieldProfile } from '@hubbub/protocol/auto-moderation.js';
import type { PostingMode } from '@hubbub/protocol/rest.js';
import { CHANNEL_COLUMNS, type ChannelRow, insertEvent } from './channels.js';
import type { Queryable } from './db.js';

/** A channel's rules, as one version of them. */
export interface PolicyRow {
  readonly policy_version: number;
  readonly auto_moderation: AutoModeration;
  readonly shield: boolean;
  readonly shield_profile: ShieldProfile;
}

/** What a channel's messages are held against; null when the channel is gone. */
export async function readPolicy(db: Queryable, channelId: string): Promise<PolicyRow | null> {
  const [row] = await db.query<PolicyRow>(
    `select policy_version, auto_moderation, shield, shield_profile from chat_channels
     where id = $1 and deleted_at is null`,
    [channelId],
  );
  return row ?? null;
}

export interface ShieldRow {
  readonly shield: boolean;
  readonly shield_profile: ShieldProfile;
  /** The channel's own settings, whatever the shield puts over them. */
  readonly own_slow_mode_seconds: number;
  readonly own_posting: PostingMode;
}

/** The shield of a channel; null when the channel is gone. */
export async function readShield(db: Queryable, channelId: string): Promise<ShieldRow | null> {
  const [row] = await db.query<ShieldRow>(
    `select shield, shield_profile, slow_mode_seconds as own_slow_mode_seconds, posting as own_posting
     from chat_channels where id = $1 and deleted_at is null`,
    [channelId],
  );
  return row ?? null;
}

/**
 * Switches the shield and changes its profile, with a place in the channel's sequence for the change.
 *
 * @param profile fields that are to change
 * @param frameOf makes the event's payload from the changed row; runs inside the transaction
 */
export async function updateShield<P extends object>(
  tx: Queryable,
  channelId: string,
  on: boolean,
  profile: ShieldBody['profile'],
  frameOf: (row: ChannelRow) => P,
): Promise<{ row: ChannelRow; payload: P } | null> {
  const [row] = await tx.query<ChannelRow>(
    `update chat_channels c set
       shield = $2,
       shield_profile = c.shield_profile || $3::jsonb,
       policy_version = c.policy_version + 1,
       access_version = c.access_version + 1,
       last_seq = c.last_seq + 1,
       updated_at = clock_timestamp()
     where c.id = $1 and c.deleted_at is null
     returning ${CHANNEL_COLUMNS}`,
    [channelId, on, JSON.stringify(profile ?? {})],
  );
  if (row === undefined) return null;
  const payload = frameOf(row);
  await insertEvent(tx, channelId, row.last_seq, 'channel_updated', payload, row.updated_at);
  return { row, payload };
}
