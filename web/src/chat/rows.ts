/** The rows of a conversation: its head, the stored messages, and the user's own that are on their way. */
import type { OutgoingMessage, TimelineSnapshot } from '@hubbub/client';
import type { Message } from '@hubbub/protocol/rest.js';
import { isSameDay } from '../ui/time.js';

/** Messages of one author that follow each other within this time stand together. */
const GROUP_MS = 5 * 60_000;
export const HEAD_KEY = 'head';

export type Row =
  /** Where the conversation begins, or older messages are being read. */
  | { readonly kind: 'head' }
  | {
      readonly kind: 'message';
      readonly message: Message;
      /** Whether it begins a day. */
      readonly startsDay: boolean;
      /** Whether its author is named: it does not follow another one of the same author at once. */
      readonly startsGroup: boolean;
    }
  | { readonly kind: 'outgoing'; readonly message: OutgoingMessage; readonly startsGroup: boolean };

type Source = Pick<TimelineSnapshot, 'messages' | 'outgoing'>;

export function rowCount({ messages, outgoing }: Source): number {
  return 1 + messages.length + outgoing.length;
}

export function keyAt({ messages, outgoing }: Source, index: number): string {
  if (index === 0) return HEAD_KEY;
  return (messages[index - 1] ?? outgoing[index - 1 - messages.length])?.id ?? '';
}

/** @param selfId whose the outgoing ones are */
export function rowAt({ messages, outgoing }: Source, index: number, selfId: string): Row {
  const message = messages[index - 1];
  const before = messages[index - 2];
  if (message !== undefined) {
    const startsDay = before === undefined || !isSameDay(Date.parse(before.created_at), Date.parse(message.created_at));
    return { kind: 'message', message, startsDay, startsGroup: startsDay || !follows(before, message) };
  }
  const own = outgoing[index - 1 - messages.length];
  if (own === undefined) return { kind: 'head' };
  const last = messages.at(-1);
  const isFirst = own === outgoing[0];
  return { kind: 'outgoing', message: own, startsGroup: isFirst && !(last?.user_id === selfId && !last.is_deleted) };
}

/** Height before it was measured, in CSS pixels: near enough that the scroll bar does not leap. */
export function estimateAt(source: Source, index: number, selfId: string): number {
  const row = rowAt(source, index, selfId);
  if (row.kind === 'head') return 120;
  const { content } = row.message;
  const lines = Math.max(1, Math.ceil(content.length / 90));
  const day = row.kind === 'message' && row.startsDay ? 40 : 0;
  return lines * 23 + (row.startsGroup ? 38 : 4) + day;
}

/** The first message after a place, as an index into `messages`. */
export function firstAfter(messages: readonly Message[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

function follows(before: Message, message: Message): boolean {
  return (
    before.user_id === message.user_id &&
    before.is_deleted === message.is_deleted &&
    Date.parse(message.created_at) - Date.parse(before.created_at) < GROUP_MS
  );
}
