import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextScan } from './text-scan.js';
import { WordList } from './word-list.js';

const RUNS = 4000;
const scan = new TextScan();

/** Few letters, so that words often have something in common; with all that is special about one. */
const LETTERS = [...'ailostegbn015$!'.repeat(2), ...'аоеηΝвжд傻ß'];
/** What each may be disguised as. */
const DISGUISES: Readonly<Record<string, string>> = {
  a: '4@аαAА',
  i: '1!|íіI',
  l: '1!|lӏL',
  o: '00оοÓ',
  s: '5$ѕSＳ',
  t: '7+тT',
  e: '3€еéE',
  g: '9gG',
  b: '8ьВ',
  n: 'пηΝN',
};
const BETWEEN = [' ', ' ', ' ', '-', '.', ' - ', '', '! ', '_', '\u0301', '$'];

const letter = fc.constantFrom(...LETTERS);
const word = fc.array(letter, { minLength: 1, maxLength: 6 }).map((letters) => letters.join(''));
const entry = fc
  .tuple(fc.array(word, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([words, open]) => `${words.join(' ')}${open ? '*' : ''}`);

/** How one character is written: which of its disguises (0: none), how often, and what stands behind it (mostly nothing). */
const stroke = fc.record({
  disguise: fc.nat(12),
  times: fc.constantFrom(1, 1, 1, 1, 1, 2, 3, 4),
  between: fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constantFrom(...BETWEEN)),
});
/** A whole word is often set apart in one way. */
const apart = fc.constantFrom('', '', '', ' ', '-', '.');

const part = fc.record({
  which: fc.nat(5),
  other: word,
  isEntry: fc.boolean(),
  strokes: fc.array(stroke, { minLength: 20, maxLength: 20 }),
  apart,
  behind: fc.constantFrom(...BETWEEN),
});

test('what the skeletons of a text rule out, no reading finds', () => {
  let found = 0;
  let ruledOut = 0;
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 6 }),
      fc.array(part, { minLength: 1, maxLength: 6 }),
      (entries, parts) => {
        const text = parts
          .map(({ which, other, isEntry, strokes, apart, behind }) => {
            const plain = isEntry ? (entries[which % entries.length] ?? '').replace('*', '') : other;
            const written = [...plain].map((character, index) => {
              const { disguise, times, between } = strokes[index % strokes.length] ?? {
                disguise: 0,
                times: 1,
                between: '',
              };
              const disguised = [...(DISGUISES[character] ?? '')][disguise - 1] ?? character;
              return `${disguised.repeat(times)}${between}`;
            });
            return `${written.join(apart)}${behind}`;
          })
          .join('');
        const list = new WordList(entries);
        scan.scan(text);
        if (list.findAsItStands(scan) !== null) return;
        const isFound = list.findDisguised(scan) !== null;
        const mayBe = list.mayBeDisguised(scan);
        if (isFound) found++;
        if (!mayBe) ruledOut++;
        assert.ok(mayBe || !isFound, JSON.stringify({ entries, text }));
      },
    ),
    { numRuns: RUNS },
  );
  assert.ok(found > RUNS / 50, `only ${found} texts had an entry in disguise`);
  assert.ok(ruledOut > RUNS / 50, `only ${ruledOut} texts were ruled out`);
});

test('texts without a word of the list are ruled out, however much in them is in disguise', () => {
  const list = new WordList(['spam*', 'idiot', 'buy cheap pills', 'дурак', '傻瓜', 'a55']);
  for (const text of [
    'Тhе qu1ck br0wn f-o-x jumрs 0vеr thе l4zy d.o.g wоооооw $o c00l хоrоshо s p a c e d _o_u_t_ 1337',
    'Hey @ada, at 10:30 see https://host7.example.com/a/b?c=d (v2.0), it costs 5$ - really, re-read it!!!',
    'o_o 1-1 U.S.A. soooo mp3 2nd $$$ !!!',
    '哈哈哈哈 ???? привеееет',
  ]) {
    scan.scan(text);
    assert.equal(list.mayBeDisguised(scan), false, text);
  }
});
