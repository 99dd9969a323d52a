import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { digestOf } from './content.js';
import type { ClientEvent } from './events.js';
import type { Stored, StoredAction, StoredMessage } from './run-record.js';
import type { Stack } from './stack.js';

const PAGE_ROWS = 2000;

/**
 * Has the database note the last place of the channel with each row of the audit trail. Both are in one transaction, which
 * holds the lock of the channel's row: the note is exact.
 */
export async function noteHeads(stack: Stack): Promise<void> {
  await stack.sql('create table torture_heads (log_id bigint primary key, head bigint not null)');
  await stack.sql(
    `create function torture_note_head() returns trigger language plpgsql as $$ begin
       insert into torture_heads select new.id, last_seq from chat_channels where id = new.channel_id;
       return new;
     end $$`,
  );
  await stack.sql(
    'create trigger torture_note_head after insert on chat_moderation_log for each row execute function torture_note_head()',
  );
}

/** The events in the files of the crews. */
export async function readEvents(files: readonly string[]): Promise<ClientEvent[]> {
  const events: ClientEvent[] = [];
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) events.push(JSON.parse(line));
  }
  return events;
}

/**
 * What the database holds of the channels.
 *
 * @param channelIds their place in the list is their number
 * @param userIds the same for the clients
 */
export async function readStored(
  stack: Stack,
  channelIds: readonly string[],
  userIds: readonly string[],
): Promise<Stored> {
  const channelNumbers = new Map(channelIds.map((id, ch) => [id, ch]));
  const userNumbers = new Map(userIds.map((id, c) => [id, c]));
  const numberOf = (id: string) => channelNumbers.get(id) ?? -1;

  const messages: StoredMessage[] = [];
  for (const [ch, channelId] of channelIds.entries()) {
    for (let after = 0, full = true; full; ) {
      const rows = await stack.sql<MessageRow>(
        `select id, user_id, content, seq, is_deleted, created_at from chat_messages
         where channel_id = $1 and seq > $2 order by seq limit $3`,
        [channelId, after, PAGE_ROWS],
      );
      for (const { id, user_id, content, seq, is_deleted: deleted, created_at } of rows) {
        const c = userNumbers.get(user_id) ?? -1;
        messages.push({ ch, seq: Number(seq), id, c, d: digestOf(content), deleted, atMs: created_at.getTime() });
      }
      after = messages.at(-1)?.seq ?? 0;
      full = rows.length === PAGE_ROWS;
    }
  }
  const events = await stack.sql<{ channel_id: string; seq: string; kind: string }>(
    'select channel_id, seq, kind from channel_events where channel_id = any($1)',
    [channelIds],
  );
  const actions = await stack.sql<ActionRow>(
    `select l.channel_id, l.target_user_id, l.action, h.head, l.details->>'expires_at' as expires_at
     from chat_moderation_log l join torture_heads h on h.log_id = l.id
     where l.channel_id = any($1) and l.action in ('ban', 'timeout', 'mute', 'unban', 'unmute') order by l.id`,
    [channelIds],
  );
  return {
    heads: await readHeads(stack, channelIds),
    messages,
    events: events.map(({ channel_id, seq, kind }) => ({ ch: numberOf(channel_id), seq: Number(seq), type: kind })),
    actions: actions.map(({ channel_id, target_user_id, action, head, expires_at }) => ({
      ch: numberOf(channel_id),
      c: userNumbers.get(target_user_id) ?? -1,
      kind: action,
      head: Number(head),
      expiresAtMs: expires_at === null ? null : Date.parse(expires_at),
    })),
    trail: await stack.verifyTrail(),
  };
}

interface MessageRow {
  readonly id: string;
  readonly user_id: string;
  readonly content: string;
  readonly seq: string;
  readonly is_deleted: boolean;
  readonly created_at: Date;
}

interface ActionRow {
  readonly channel_id: string;
  readonly target_user_id: string;
  readonly action: StoredAction['kind'];
  readonly head: string;
  readonly expires_at: string | null;
}

/** The last place of each channel. */
export async function readHeads(stack: Stack, channelIds: readonly string[]): Promise<number[]> {
  const rows = await stack.sql<{ id: string; last_seq: string }>(
    'select id, last_seq from chat_channels where id = any($1)',
    [channelIds],
  );
  const heads = new Map(rows.map(({ id, last_seq }) => [id, Number(last_seq)]));
  return channelIds.map((id) => heads.get(id) ?? 0);
}
