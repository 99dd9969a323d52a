/** Text of a client's frame -> command, and sequenced events -> text of a server frame. */
import { Compile } from 'typebox/compile';
import { CLIENT_FRAMES, type ClientFrame } from './frames.js';

/** What is wrong with a frame before any of its commands is looked at. */
export type FrameProblem = 'INVALID_FRAME' | 'UNKNOWN_TYPE';

const validators = new Map(
  Object.entries(CLIENT_FRAMES).map(([type, schema]) => {
    const validator = Compile(schema);
    return [type, (value: unknown): value is ClientFrame => validator.Check(value)];
  }),
);

/**
 * @param text a client's frame
 * @returns the command, its shape checked (ids and content are not looked at here), or the code of what is wrong.
 *     Unknown fields are ignored, so that newer clients can talk to older servers.
 */
export function parseClientFrame(text: string): ClientFrame | FrameProblem {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'INVALID_FRAME';
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') {
    return 'INVALID_FRAME';
  }
  const validate = validators.get(value.type);
  if (validate === undefined) return 'UNKNOWN_TYPE';
  return validate(value) ? value : 'INVALID_FRAME';
}

/** Who sent a message, as the frames show him. */
export interface Author {
  readonly userId: string;
  readonly username: string;
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
}

/**
 * The part of a `message` frame that says who sent it. It is the same for every message of a connection, so it is
 * made once for each connection and not once for each message.
 */
export function encodeAuthor(author: Author): string {
  return (
    `"user_id":"${author.userId}","username":${JSON.stringify(author.username)},` +
    `"display_name":${JSON.stringify(author.displayName)},"avatar_url":${JSON.stringify(author.avatarUrl)}`
  );
}

/**
 * The JSON text of a `message` frame.
 *
 * @param authorJson from {@link encodeAuthor}
 * @param timestamp RFC 3339, UTC, milliseconds
 */
export function encodeMessage(
  channelId: string,
  authorJson: string,
  content: string,
  messageId: string,
  timestamp: string,
  seq: number,
  isDeleted = false,
): string {
  return (
    `{"type":"message","channel_id":"${channelId}",${authorJson},"content":${JSON.stringify(content)},` +
    `"message_id":"${messageId}","timestamp":"${timestamp}","seq":${seq}${isDeleted ? ',"is_deleted":true' : ''}}`
  );
}
