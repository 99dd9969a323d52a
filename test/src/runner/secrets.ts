/** Looks for secrets in what servers logged. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOG_SUFFIX, SECRETS_SUFFIX } from '../support/run-records.js';

/** Secrets that show by their form, whoever made them: also those that a server made for itself. */
const FORMS: readonly (readonly [what: string, form: RegExp])[] = [
  ['a token', /eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}/],
  ['a token in base64', /ZXlK[A-Za-z0-9+/_-]{60,}/],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
];
/** The signature of a token is secret; what stands before it is the same in many. */
const TOKEN = /^[\w-]+\.[\w-]+\.([\w-]{40,})$/;
/** Longer than a UUID, which every line holds several of. */
const RUN = /[\w-]{40,}/g;
/** So many characters of a signature, beginning at a multiple of it, are in every {@link RUN} of the signature. */
const PIECE_CHARS = 20;
const MIN_SECRET_CHARS = 8;
const MAX_SHOWN_CHARS = 300;

export interface LogCheck {
  readonly lines: number;
  readonly secrets: number;
  /** A sentence for each line that holds a secret. */
  readonly leaks: readonly string[];
}

/**
 * @param folder records of a test file: see `support/run-records.ts`
 * @param further secrets beside those of the records
 * @throws when a record cannot be read
 */
export function checkRecords(folder: string, further: readonly string[] = []): LogCheck {
  const read = (suffix: string) =>
    globSync(`*${suffix}`, { cwd: folder }).map((name) => readFileSync(join(folder, name), 'utf8'));
  const lines = read(LOG_SUFFIX).flatMap(linesOf);
  const recorded = read(SECRETS_SUFFIX)
    .flatMap(linesOf)
    .map((line) => String(JSON.parse(line)));
  const secrets = new Set([...recorded, ...further]);
  return { lines: lines.length, secrets: secrets.size, leaks: findSecrets(lines, secrets) };
}

/** @returns a sentence for each of the lines that holds a secret, or what has the form of one */
export function findSecrets(lines: readonly string[], secrets: Iterable<string>): string[] {
  const pieces = new Set<string>();
  const texts = new Set<string>();
  for (const secret of secrets) {
    const signature = TOKEN.exec(secret)?.[1];
    if (signature === undefined) for (const text of textsOf(secret)) texts.add(text);
    else {
      for (let at = 0; at + PIECE_CHARS <= signature.length; at += PIECE_CHARS) {
        pieces.add(signature.slice(at, at + PIECE_CHARS));
      }
    }
  }
  return lines.flatMap((line) => {
    const what = secretIn(line, pieces, texts);
    return what === null ? [] : [`A server logged ${what}: ${line.slice(0, MAX_SHOWN_CHARS)}`];
  });
}

function secretIn(line: string, pieces: ReadonlySet<string>, texts: ReadonlySet<string>): string | null {
  const form = FORMS.find(([, pattern]) => pattern.test(line));
  if (form !== undefined) return form[0];
  for (const [run] of line.matchAll(RUN)) {
    for (let at = 0; at + PIECE_CHARS <= run.length; at++) {
      if (pieces.has(run.slice(at, at + PIECE_CHARS))) return 'a part of a token';
    }
  }
  for (const text of texts) if (line.includes(text)) return 'a key or password';
  return null;
}

/** What of a secret must stand nowhere: each line of a PEM's body by itself, since its line breaks may be written as `\n`. */
function textsOf(secret: string): string[] {
  const lines = linesOf(secret).filter((line) => !line.startsWith('-----'));
  if (lines.length === 0 || lines.some(({ length }) => length < MIN_SECRET_CHARS)) {
    throw new Error(`A secret of less than ${MIN_SECRET_CHARS} characters in a line stands anywhere: ${secret}`);
  }
  return lines;
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
