/** Frames as they come in, and messages as they are shown. */
import type { MessageFrame, ServerFrame } from '@hubbub/protocol/frames.js';
import type { Message } from '@hubbub/protocol/rest.js';

/** A frame of a type that this SDK may not know. */
export type AnyFrame = { readonly type: string } & Readonly<Record<string, unknown>>;

/**
 * @returns the frame, or null for what is no JSON object with a `type`. The rest is the server's promise and is not checked
 *     again; types that are not known are for the reader to ignore
 */
export function parseFrame(data: unknown): AnyFrame | null {
  if (typeof data !== 'string') return null;
  try {
    const value = JSON.parse(data);
    return typeof value?.type === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** The frame, as far as its type is one that is known here. */
export function known(frame: AnyFrame): ServerFrame {
  return frame as unknown as ServerFrame;
}

/** A message in the one shape that REST gives it. */
export function toMessage(frame: MessageFrame): Message {
  const { type: _, message_id: id, timestamp: created_at, is_deleted = false, ...rest } = frame;
  return { ...rest, id, is_deleted, created_at, updated_at: created_at };
}
