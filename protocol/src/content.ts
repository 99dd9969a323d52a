/** What a message may say: normalisation and the checks of its text. */

/** Why a text is not acceptable as a message. */
export type ContentProblem = 'EMPTY_MESSAGE' | 'MESSAGE_TOO_LONG' | 'INVALID_FRAME';

export type ContentResult =
  | { readonly ok: true; readonly content: string }
  | { readonly ok: false; readonly code: ContentProblem; readonly message: string };

// Control characters (Unicode category Cc) other than newline and tab.
const FORBIDDEN_CONTROL = /[^\P{Cc}\n\t]/u;
// At least one character that a reader could see: neither white space nor an invisible format character.
const VISIBLE = /[^\s\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u;

/**
 * Brings a message's text into its stored form: Unicode NFC, without white space around it.
 *
 * @param text what the client sent
 * @param maxChars longest acceptable text, in Unicode code points after normalisation
 * @returns the stored form, or the error code and sentence that say what is wrong with the text
 */
export function normalizeContent(text: string, maxChars: number): ContentResult {
  if (!text.isWellFormed()) {
    return problem('INVALID_FRAME', 'Message content contains a lone surrogate: send well-formed Unicode');
  }
  const content = text.normalize('NFC').trim();
  if (!VISIBLE.test(content)) return problem('EMPTY_MESSAGE', 'Message content cannot be empty');
  if (exceeds(content, maxChars)) {
    return problem('MESSAGE_TOO_LONG', `Message content exceeds maximum size of ${maxChars} characters`);
  }
  if (FORBIDDEN_CONTROL.test(content)) {
    return problem('INVALID_FRAME', 'Message content contains a control character: only newline and tab are allowed');
  }
  return { ok: true, content };
}

function exceeds(text: string, maxChars: number): boolean {
  // A string never has more code points than UTF-16 units, so short texts need no count.
  if (text.length <= maxChars) return false;
  let count = 0;
  for (const _ of text) if (++count > maxChars) return true;
  return false;
}

function problem(code: ContentProblem, message: string): ContentResult {
  return { ok: false, code, message };
}
