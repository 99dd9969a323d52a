/** What differs between the systems under load on the wire. All of them carry the same object as a message. */

export type DialectName = 'hubbub' | 'socket.io';

/** What a frame that is not a message means to a client. */
export type Signal =
  /** The client is in the channel from here on; `seq`: the last place before what follows. */
  | { readonly kind: 'joined'; readonly channelId: string; readonly seq: number }
  /** The client is in all its channels. */
  | { readonly kind: 'joined all' }
  /** Has to be sent back. */
  | { readonly kind: 'answer'; readonly text: string }
  /** One of the client's messages in this channel was not taken; `null`: something else went wrong. */
  | { readonly kind: 'error'; readonly channelId: string | null; readonly text: string }
  | null;

export interface Dialect {
  /** Bytes between the last digit of `seq`, the last field, and the end of a message. */
  readonly tailBytes: number;
  /** Bytes before the channel's id in a message. */
  readonly channelAt: number;
  isMessage(bytes: Buffer, start: number): boolean;
  readOther(bytes: Buffer, start: number, end: number): Signal;
  encodeMessage(channelId: string, content: string): string;
}

const QUOTE = 0x22;
const LETTER_M = 0x6d;
const DIGIT_2 = 0x32;
const DIGIT_4 = 0x34;

/** Hubbub's wire contract, which the raw baseline speaks as well. */
const HUBBUB: Dialect = {
  tailBytes: 1,
  channelAt: '{"type":"message","channel_id":"'.length,
  // {"type":"message" and not {"type":"message_deleted": no other type begins with an m and ends there.
  isMessage: (bytes, start) => bytes[start + 9] === LETTER_M && bytes[start + 16] === QUOTE,
  readOther(bytes, start, end) {
    const head = bytes.toString('latin1', start, Math.min(end, start + 12));
    if (head === '{"type":"err') {
      const text = bytes.toString('utf8', start, end);
      return { kind: 'error', channelId: (JSON.parse(text) as { channel_id: string | null }).channel_id, text };
    }
    if (head !== '{"type":"sub') return null;
    const frame = JSON.parse(bytes.toString('utf8', start, end)) as { channel_id: string; seq: number };
    return { kind: 'joined', channelId: frame.channel_id, seq: frame.seq };
  },
  encodeMessage: (channelId, content) => `{"type":"message","channel_id":"${channelId}","content":"${content}"}`,
};

/** Engine.IO 4 over WebSocket alone, and Socket.IO 5 in it: `42["message",{...}]`. */
const SOCKET_IO: Dialect = {
  tailBytes: 2,
  channelAt: '42["message",{"type":"message","channel_id":"'.length,
  isMessage: (bytes, start) => bytes[start + 1] === DIGIT_2 && bytes[start] === DIGIT_4,
  readOther(bytes, start, end) {
    const type = bytes.toString('latin1', start, Math.min(end, start + 2));
    if (type.startsWith('0')) return { kind: 'answer', text: '40' };
    if (type === '2') return { kind: 'answer', text: '3' };
    if (type === '40') return { kind: 'joined all' };
    return { kind: 'error', channelId: null, text: bytes.toString('utf8', start, end) };
  },
  encodeMessage: (channelId, content) => `42["message",{"channel_id":"${channelId}","content":"${content}"}]`,
};

export function dialectOf(name: DialectName): Dialect {
  return name === 'hubbub' ? HUBBUB : SOCKET_IO;
}
