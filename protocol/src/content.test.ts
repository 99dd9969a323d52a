import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalizeContent } from './content.js';

/** The stored form of a text that must be acceptable. */
function accepted(text: string, maxChars = 500): string {
  const result = normalizeContent(text, maxChars);
  assert.ok(result.ok, `refused: ${JSON.stringify(text)}`);
  return result.content;
}

/** The code with which a text must be refused. */
function refusal(text: string, maxChars = 500): string {
  const result = normalizeContent(text, maxChars);
  assert.ok(!result.ok, `accepted: ${JSON.stringify(text)}`);
  return result.code;
}

test('a text is brought into NFC', () => {
  assert.equal(accepted('Cafe\u0301'), 'Caf\u00e9');
  assert.equal(accepted('\u212b'), '\u00c5');
});

test('compatibility characters stay as they are: NFC, not NFKC', () => {
  assert.equal(accepted('\ufb01\u2460'), '\ufb01\u2460');
});

test('white space around a text goes and white space within it stays', () => {
  assert.equal(accepted(' \t\n\u3000 a  b\n\tc \u00a0\n'), 'a  b\n\tc');
});

for (const [name, text] of [
  ['nothing at all', ''],
  ['spaces', '   '],
  ['newlines and tabs', '\n\t\n'],
  ['no-break and ideographic spaces', '\u00a0\u2003\u3000'],
  ['zero-width spaces and joiners', '\u200b\u200c\u200d\u2060'],
  ['a byte order mark', '\ufeff'],
  ['soft hyphens', '\u00ad\u00ad'],
  ['direction marks', '\u200e\u202e\u2066'],
  ['tag characters', '\u{e0001}\u{e0041}'],
  ['a Hangul filler', '\u3164'],
  ['a half-width Hangul filler', '\uffa0'],
  ['variation selectors', '\ufe0f\ufe00'],
  ['a combining grapheme joiner', '\u034f'],
  ['blank braille patterns', '\u2800\u2800'],
] as const) {
  test(`a text of ${name} counts as empty`, () => {
    assert.equal(refusal(text), 'EMPTY_MESSAGE');
  });
}

test('the sentence for an empty text is the documented one', () => {
  const result = normalizeContent(' ', 500);
  assert.ok(!result.ok);
  assert.equal(result.message, 'Message content cannot be empty');
});

test('invisible characters are kept where there is something to see beside them', () => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}';
  assert.equal(accepted(family), family);
  assert.equal(accepted('\u2764\ufe0f'), '\u2764\ufe0f');
});

test('500 emoji are within the limit and 501 are not: code points count, not UTF-16 units', () => {
  const emoji = '\u{1f600}';
  assert.equal(accepted(emoji.repeat(500)).length, 1000);
  assert.equal(refusal(emoji.repeat(501)), 'MESSAGE_TOO_LONG');
});

test('500 letters are within the limit and 501 are not', () => {
  accepted('x'.repeat(500));
  assert.equal(refusal('x'.repeat(501)), 'MESSAGE_TOO_LONG');
});

test('the length counts after normalisation and trimming', () => {
  accepted(`  ${'e\u0301'.repeat(500)}  `);
  // U+0958 has no composed form in NFC and becomes two code points.
  assert.equal(refusal('\u0958'.repeat(251)), 'MESSAGE_TOO_LONG');
});

test('the sentence for a text that is too long names the configured number', () => {
  const result = normalizeContent('abcd', 3);
  assert.ok(!result.ok);
  assert.equal(result.code, 'MESSAGE_TOO_LONG');
  assert.equal(result.message, 'Message content exceeds maximum size of 3 characters');
});

test('lone surrogates are refused, paired ones are not', () => {
  assert.equal(refusal('a\ud83d'), 'INVALID_FRAME');
  assert.equal(refusal('\ude00a'), 'INVALID_FRAME');
  assert.equal(refusal('\ude00\ud83d'), 'INVALID_FRAME');
  assert.equal(accepted('\ud83d\ude00'), '\u{1f600}');
});

test('every control character but newline and tab is refused', () => {
  for (let code = 0; code < 0xa0; code++) {
    if (code >= 0x20 && code < 0x7f) continue;
    const text = `a${String.fromCodePoint(code)}b`;
    if (code === 0x09 || code === 0x0a) assert.equal(accepted(text), text);
    else assert.equal(refusal(text), 'INVALID_FRAME', `U+${code.toString(16)}`);
  }
});

test('a text of control characters alone is refused', () => {
  assert.equal(refusal('\u0000'), 'INVALID_FRAME');
  assert.equal(refusal('\u0007\u001b'), 'INVALID_FRAME');
});

test('a text is either refused or stored in a form that does not change any more', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (text, maxChars) => {
      const result = normalizeContent(text, maxChars);
      if (!result.ok) return;
      assert.deepEqual(normalizeContent(result.content, maxChars), result);
      assert.ok([...result.content].length <= maxChars);
      assert.ok(result.content.isWellFormed());
      assert.equal(result.content, result.content.normalize('NFC'));
    }),
  );
});
