import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { digestOf } from './content.js';
import type { ClientEvent } from './events.js';
import type { Stored, StoredMessage } from './run-record.js';
import type { Stack } from './stack.js';

const PAGE_ROWS = 2000;

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
      const rows = await stack.sql<{ id: string; user_id: string; content: string; seq: string; is_deleted: boolean }>(
        `select id, user_id, content, seq, is_deleted from chat_messages
         where channel_id = $1 and seq > $2 order by seq limit $3`,
        [channelId, after, PAGE_ROWS],
      );
      for (const { id, user_id, content, seq, is_deleted: deleted } of rows) {
        const c = userNumbers.get(user_id) ?? -1;
        messages.push({ ch, seq: Number(seq), id, c, d: digestOf(content), deleted });
      }
      after = messages.at(-1)?.seq ?? 0;
      full = rows.length === PAGE_ROWS;
    }
  }
  const events = await stack.sql<{ channel_id: string; seq: string; kind: string }>(
    'select channel_id, seq, kind from channel_events where channel_id = any($1)',
    [channelIds],
  );
  return {
    heads: await readHeads(stack, channelIds),
    messages,
    events: events.map(({ channel_id, seq, kind }) => ({ ch: numberOf(channel_id), seq: Number(seq), type: kind })),
  };
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
