import { crc32 } from 'node:zlib';

// Quotes, a newline, a backslash, two, three and four bytes in UTF-8: nothing that NFC or trimming would change.
const FILLING = [...'é漢😀"\\<&\n\t~'];

/** The text of the message `id`: the checker makes it again instead of keeping it. @param size in code points */
export function contentOf(id: string, size: number): string {
  const parts = [id, ' '];
  for (let length = id.length + 2; length < size; length++) parts.push(FILLING[length % FILLING.length] ?? '');
  // The end must not be white space.
  return `${parts.join('')}.`;
}

/** A short stand-in for a text in the log. */
export function digestOf(content: string): string {
  return crc32(content).toString(36);
}
