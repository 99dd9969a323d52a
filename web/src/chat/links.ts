/** Finds the links in a message's text. */

export type Piece =
  | { readonly text: string; readonly href?: undefined }
  | { readonly text: string; readonly href: string };

const CANDIDATE = /\bhttps?:\/\/[^\s<>"`\u007f-\u00a0\u2000-\u200f\u2028-\u202f\u2066-\u2069]+/gi;
const TRAILING = /[.,;:!?'*_~]+$/;
const CLOSERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/**
 * Cuts a text into plain pieces and links, in order; joined, their `text` is the text again. Only `http:` and
 * `https:` addresses that a browser can read become links, so no message can carry a `javascript:` one.
 */
export function splitLinks(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const address = withoutTrailing(match[0]);
    if (!isWebAddress(address)) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: address, href: address });
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** Punctuation at the end belongs to the sentence, and so does a bracket that was opened before the address. */
function withoutTrailing(address: string): string {
  for (;;) {
    const shorter = address.replace(TRAILING, '');
    const closer = shorter.at(-1) ?? '';
    const opener = CLOSERS[closer];
    if (opener === undefined || count(shorter, opener) >= count(shorter, closer)) return shorter;
    address = shorter.slice(0, -1);
  }
}

function count(text: string, character: string): number {
  return text.split(character).length - 1;
}

function isWebAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return (protocol === 'http:' || protocol === 'https:') && hostname !== '';
}
