/**
 * Text of others for a terminal. A terminal takes control characters as orders: to clear the screen, to change the title, to
 * answer with what was typed, to write over lines that were there before. Messages, names and everything else that came
 * from elsewhere go through here before they are shown.
 *
 * Control characters (C0, DEL, C1: some terminals take U+009B for ESC [), line and paragraph separators, characters that
 * turn the direction of text around, so that a line reads otherwise than it is, and invisible tags.
 */
const UNSAFE =
  /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;

/** The text on one line: what a terminal must not get stands there as an escape, `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(UNSAFE, escaped);
}

/** As {@link printable}, line by line: line breaks divide lines, tabs are four spaces. */
export function printableLines(text: string): string[] {
  return text.split('\n').map((line) => printable(line.replaceAll('\t', '    ')));
}

/** JSON on one line; what {@link printable} escapes stands in it as JSON's own escapes, so that the value is the same. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, escaped);
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
