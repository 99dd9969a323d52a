/** What the fuzz is made of: values that fast-check finds interesting, the same in every run of one seed. */
import fc from 'fast-check';

/** Seed of all that is random here; it stands in every failure. A new one makes other cases. */
export const SEED = 20_261_125;

/** Keys that mean something to JavaScript, to the protocol, or to neither. */
export const ODD_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'toJSON',
  'then',
  'hasOwnProperty',
  'length',
  '$ref',
  'type',
  'Type',
  'channel_id',
  'content',
  'message_id',
  'last_seq',
  'limit',
  'name',
  'token',
  '',
  ' ',
  '0',
  '\u0000',
] as const;

/** JSON texts, some of them hardly so, of values that are likely to be taken the wrong way. */
export const ODD_JSON = [
  'null',
  'true',
  'false',
  '-1',
  '0',
  '-0',
  '0.1',
  '1e3',
  '1e308',
  '1e999',
  '-1E+400',
  '9007199254740991',
  '9007199254740993',
  '123456789012345678901234567890',
  '2147483648',
  'NaN',
  'Infinity',
  '0x10',
  '01',
  '+1',
  '.5',
  '""',
  '" "',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"x\\ud83d"',
  '"\\u202e\\u2066"',
  '"\\ufeff"',
  '"\\u0007"',
  '"\u0001"',
  '"e\\u0301"',
  '"\\uD83D\\uDE00"',
  '"\\x41"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  '"message"',
  '"ping"',
  '"00000000-0000-0000-0000-000000000000"',
  '"ffffffff-ffff-ffff-ffff-ffffffffffff"',
  '"{00000000-0000-0000-0000-000000000000}"',
  '"\'; drop table chat_messages; --"',
  '"../../../etc/passwd"',
  '"%00"',
  '"2026-02-30T25:61:61Z"',
  '"9999-12-31T23:59:59.999Z"',
  '"-infinity"',
  `"${'x'.repeat(501)}"`,
  `"${'\u{1f600}'.repeat(500)}"`,
  `"${'e\u0301'.repeat(400)}"`,
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"type":"message"}',
  '{"toString":1}',
  '{"__proto__":{"admin":true}}',
  '{"length":1e9}',
  'undefined',
  "'a'",
  '//',
  '',
] as const;

export interface Pools {
  /** JSON texts of any shape. */
  readonly json: readonly string[];
  /** Text of any code points; no lone surrogates. */
  readonly text: readonly string[];
  readonly bytes: readonly Uint8Array[];
  /** Well-formed JSON texts of single values, the odd ones first of all. */
  readonly values: readonly string[];
}

/** @param part number of the part of the fuzz: each has values of its own */
export function makePools(part: number): Pools {
  const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number): T[] =>
    fc.sample(arbitrary, { numRuns, seed: SEED + part });
  const key = fc.oneof(fc.constantFrom(...ODD_KEYS), fc.string({ maxLength: 8 }));
  const odd = fc.dictionary(key, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 });
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ maxLength: 60 }),
  );
  const value = fc.oneof(
    fc.double().map((number) => (Number.isFinite(number) ? String(number) : 'null')),
    fc.bigInt().map(String),
    text.map((string) => JSON.stringify(string)),
    fc.jsonValue({ maxDepth: 2 }).map((json) => JSON.stringify(json)),
  );
  return {
    json: [...sample(fc.json({ maxDepth: 4 }), 3000), ...sample(odd, 3000).map((object) => JSON.stringify(object))],
    text: sample(text, 3000),
    bytes: sample(fc.uint8Array({ maxLength: 300 }), 1500),
    values: [...Array.from({ length: 20 }, () => [...ODD_JSON]).flat(), ...sample(value, 3000)],
  };
}
