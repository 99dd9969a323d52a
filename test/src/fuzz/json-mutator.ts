/** Changes to JSON texts. They work on the text and not on the value, so that keys may repeat and numbers be too large. */
import type { Random } from '../torture/random.js';
import { ODD_KEYS, type Pools } from './pools.js';

type Pair = [key: string, json: string];

/** Levels of nesting at most: within a frame of 4 KiB. */
const MAX_DEPTH = 1900;

/** The text of `object` after one to three changes to its fields; still much like it, so that deeper checks see it. */
export function mutateObject(random: Random, object: object, pools: Pools): string {
  let pairs = Object.entries(object).map(([key, value]): Pair => [JSON.stringify(key), JSON.stringify(value)]);
  for (let left = random.int(1, 3); left > 0; left--) pairs = mutatePairs(random, pairs, pools);
  const text = `{${pairs.map(([key, json]) => `${key}:${json}`).join(',')}}`;
  switch (random.int(0, 19)) {
    case 0:
      return `[${text}]`;
    case 1:
      return `${random.pick([' ', '\n\t', '\ufeff', '\u00a0', '\u0000'])}${text}`;
    case 2:
      return `${text}${random.pick([' ', '\r\n', ',', '}', '\u0000', text])}`;
    default:
      return text;
  }
}

function mutatePairs(random: Random, pairs: readonly Pair[], pools: Pools): Pair[] {
  const at = random.int(0, pairs.length - 1);
  const chosen = pairs[at];
  const odd = (): Pair => [JSON.stringify(random.pick(ODD_KEYS)), random.pick(pools.values)];
  if (chosen === undefined) return [odd()];
  const [key, json] = chosen;
  switch (random.int(0, 7)) {
    case 0:
      return pairs.toSpliced(at, 1);
    case 1:
      return [...pairs, odd()];
    case 2:
      return [odd(), ...pairs];
    case 3:
      // Twice the same key: the last one holds, for whoever reads it by the book.
      return random.chance(0.5)
        ? [...pairs, [key, random.pick(pools.values)]]
        : [[key, random.pick(pools.values)], ...pairs];
    case 4:
      return pairs.with(at, [oddlySpelled(random, key), json]);
    case 5:
      return pairs.with(at, [key, nested(random, json)]);
    case 6:
      return pairs.with(at, [key, JSON.stringify(mutateText(random, json, pools))]);
    default:
      return pairs.with(at, [key, random.pick(pools.values)]);
  }
}

/** The same key by escapes, or one that only looks alike. */
function oddlySpelled(random: Random, key: string): string {
  const escaped = key.replace(/[a-z]/, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`);
  return random.pick([escaped, key.toUpperCase(), key.replace('"', '" '), key.replace('e', '\u0435')]);
}

function nested(random: Random, json: string): string {
  const depth = random.chance(0.2) ? random.int(100, MAX_DEPTH) : random.int(1, 5);
  if (random.chance(0.5)) return `${'['.repeat(depth)}${json}${']'.repeat(random.chance(0.8) ? depth : depth - 1)}`;
  const objects = Math.ceil(depth / 3);
  return `${'{"a":'.repeat(objects)}${json}${'}'.repeat(objects)}`;
}

/** A text with one change: cut, grown, doubled, or single characters exchanged. */
export function mutateText(random: Random, text: string, pools: Pools): string {
  const at = random.int(0, text.length);
  const to = random.int(at, Math.min(text.length, at + 8));
  switch (random.int(0, 5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(at);
    case 2:
      return text.slice(0, at) + random.pick(pools.text) + text.slice(at);
    case 3:
      return text.slice(0, at) + text.slice(to);
    case 4:
      return text.slice(0, to) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(random.int(0, 255)) + text.slice(at + 1);
  }
}
