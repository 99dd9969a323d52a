/** Frames as lines that people read. */
import type { ServerFrame } from '@hubbub/protocol/frames.js';
import type { Frame } from './follow.js';
import { printable, printableLines } from './printable.js';

/** Keeps what others have written in later lines of a message from passing for lines of this program. */
const CONTINUED = '    | ';

/** @returns the lines of a frame; none for what comes and goes, such as who is typing */
export function transcribe(anyFrame: Frame): string[] {
  const frame = anyFrame as unknown as ServerFrame;
  switch (frame.type) {
    case 'message': {
      const who = frame.display_name === null ? '' : ` (${printable(frame.display_name)})`;
      const head = `${timeOf(frame.timestamp)}  ${frame.seq}  ${printable(frame.username)}${who}: `;
      if (frame.is_deleted === true) return [`${head}[deleted]`];
      const [first = '', ...others] = printableLines(frame.content);
      return [`${head}${first}`, ...others.map((line) => `${CONTINUED}${line}`)];
    }
    case 'message_deleted':
      return [`${timeOf(frame.timestamp)}  ${frame.seq}  * message ${frame.message_seq} was deleted`];
    case 'channel_updated':
      return [
        `${timeOf(frame.channel.updated_at)}  ${frame.seq}  * the channel was changed, and is called ` +
          `"${printable(frame.channel.name)}"`,
      ];
    case 'channel_deleted':
      return [`${timeOf(frame.timestamp)}  ${frame.seq}  * the channel was deleted`];
    case 'moderation': {
      const reason = frame.reason === null ? '' : `: ${printable(frame.reason)}`;
      return [`${timeOf(frame.timestamp)}  * you were ${frame.action.replace('_', ' ')}${reason}`];
    }
    default:
      return [];
  }
}

/** Date and time of this machine's zone. */
function timeOf(timestamp: string): string {
  const at = new Date(timestamp);
  if (Number.isNaN(at.getTime())) return printable(timestamp);
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
