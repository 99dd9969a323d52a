/** What clients may say in well-formed WebSocket frames, and what must never come of it. */
import { normalizeContent } from '@hubbub/protocol/content.js';
import type { Random } from '../torture/random.js';
import { mutateObject, mutateText } from './json-mutator.js';
import type { Pools } from './pools.js';

/** Longest text of a frame here, in bytes: a longer one closes the connection, which has cases of its own. */
const MAX_FRAME_BYTES = 4096;
const MAX_MESSAGE_CHARS = 500;

/** Who the commands are about. */
export interface Cast {
  readonly channelIds: readonly string[];
  readonly tokens: readonly string[];
}

export interface Payload {
  readonly bytes: Buffer;
  readonly binary: boolean;
}

/** A command as a client in good order sends it. */
export function validCommand(random: Random, { channelIds, tokens }: Cast): object {
  const channel_id = random.pick(channelIds);
  switch (random.int(0, 8)) {
    case 0:
      return { type: 'message', channel_id, content: `hello ${random.int(0, 1e9)}`, message_id: uuid(random) };
    case 1:
      return { type: 'message', content: `short ${random.int(0, 1e9)}` };
    case 2:
      return { type: 'message', channel_id: channel_id.toUpperCase(), content: '\u00e9\u{1f600} multi\nline\ttext' };
    case 3:
      return { type: 'typing', channel_id };
    case 4:
      return { type: 'join', channel_id, last_seq: random.int(0, 2000) };
    case 5:
      return { type: 'leave', channel_id };
    case 6:
      return { type: 'auth', token: random.pick(tokens) };
    case 7:
      return { type: 'join', channel_id };
    default:
      return { type: 'ping' };
  }
}

/** One frame's payload: one in ten as it should be, the others not. */
export function makePayload(random: Random, cast: Cast, pools: Pools): Payload {
  const command = validCommand(random, cast);
  const kind = random.weighted({ valid: 10, json: 20, mutated: 45, text: 6, cut: 6, spliced: 6, binary: 7 });
  switch (kind) {
    case 'valid':
      return fitting(JSON.stringify(command));
    case 'json':
      return fitting(random.pick(pools.json));
    case 'mutated':
      return fitting(mutateObject(random, command, pools));
    case 'text':
      return fitting(random.pick(pools.text));
    case 'cut':
      return fitting(mutateText(random, JSON.stringify(command), pools));
    case 'spliced': {
      const [one, other] = [JSON.stringify(command), JSON.stringify(validCommand(random, cast))];
      return fitting(one.slice(0, random.int(0, one.length)) + other.slice(random.int(0, other.length)));
    }
    case 'binary': {
      const text = Buffer.from(JSON.stringify(command));
      return { bytes: random.chance(0.5) ? text : Buffer.from(random.pick(pools.bytes)), binary: true };
    }
  }
}

/** What a text frame adds to the channel when it is a message that may be stored: the text in its stored form. */
export function storable({ bytes, binary }: Payload): string | null {
  if (binary) return null;
  try {
    const frame: unknown = JSON.parse(bytes.toString());
    if (typeof frame !== 'object' || frame === null || !('content' in frame)) return null;
    const { content } = frame;
    return typeof content === 'string' && 'type' in frame && frame.type === 'message' ? stored(content) : null;
  } catch {
    return null;
  }
}

/** The form in which a text may be stored. @returns null when it may not */
export function stored(content: string): string | null {
  const result = normalizeContent(content, MAX_MESSAGE_CHARS);
  return result.ok ? result.content : null;
}

function fitting(text: string): Payload {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_FRAME_BYTES) return { bytes, binary: false };
  // A character takes three bytes at most, but for those of two units, which take four.
  return { bytes: Buffer.from(text.slice(0, Math.floor(MAX_FRAME_BYTES / 3))), binary: false };
}

function uuid(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(0, 15).toString(16)).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}
