/** The frames of the wire contract as this page reads them. Types alone: nothing of it exists at run time. */
import type { ServerFrame } from '@hubbub/protocol/frames.js';

/** A moderator did something to this user in this channel. */
export interface ModerationFrame {
  readonly type: 'moderation';
  readonly channel_id: string;
  readonly action: string;
  readonly reason?: string | null;
  readonly expires_at?: string | null;
  readonly timestamp: string;
}

export type IncomingFrame = Exclude<ServerFrame, { type: 'moderation' }> | ModerationFrame;

/**
 * @param text a text frame
 * @returns the frame, or null if it is not a JSON object with a `type`. The rest is the server's promise: it is not
 *     checked again here, and a type that this page does not know is for the reader to ignore.
 */
export function parseFrame(text: unknown): IncomingFrame | null {
  if (typeof text !== 'string') return null;
  try {
    const value: unknown = JSON.parse(text);
    const isFrame = typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
    return isFrame ? (value as IncomingFrame) : null;
  } catch {
    return null;
  }
}

/** The frame's place in the channel's one sequence; null for frames without one. */
export function placeOf(frame: IncomingFrame): number | null {
  // `subscribed` names the channel's head, which is not a place that this client has reached yet.
  if (frame.type === 'subscribed') return null;
  return 'seq' in frame && typeof frame.seq === 'number' ? frame.seq : null;
}
