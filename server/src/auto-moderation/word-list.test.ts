import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextScan } from './text-scan.js';
import { isFindable, WordList } from './word-list.js';

const scan = new TextScan();

function find(list: readonly string[], text: string): string | null {
  scan.scan(text);
  return new WordList(list).find(scan);
}

/** Asserts that the list finds a word in each text; or, with `not`, in none. */
function finds(list: readonly string[], texts: readonly string[]): void {
  for (const text of texts) assert.notEqual(find(list, text), null, `${JSON.stringify(text)} should be found`);
}
function passes(list: readonly string[], texts: readonly string[]): void {
  for (const text of texts) assert.equal(find(list, text), null, `${JSON.stringify(text)} should pass`);
}

test('whole words are found, wherever they stand', () => {
  finds(
    ['ass'],
    ['ass', 'an ass!', '(ass)', 'ass,', 'what-an-ass', 'ASS', 'ass\nhole', '"ass"', '¿ass?', 'ass™', 'this ass is'],
  );
});

test('words that only contain one of the list pass', () => {
  passes(
    ['ass', 'cunt', 'tit', 'hell', 'cum', 'cock', 'rape', 'anal', 'spic', 'con', 'sex'],
    [
      'Scunthorpe',
      'class',
      'assess the assistant',
      'Title',
      'hello shell',
      'document',
      'peacock',
      'grape drapery',
      'analysis',
      'spice',
      'second',
      'Essex',
      'Middlesex',
      'cockpit',
      'shitake',
      "he'll come",
      "we'll see",
      'titanic',
      'associate',
      'as she said',
      'a s k',
      'constitution',
      'the cat sat on the mat',
      'pass',
      'Cumbria',
      'therapist',
      'S.E.C.',
      'asset',
    ],
  );
});

test('phrases are found whatever stands between their words, and only in their order', () => {
  finds(['buy now'], ['buy now', 'BUY   NOW', 'buy... now', 'buy\nnow', 'please buy now!', 'buy, now']);
  passes(['buy now'], ['now buy', 'buy it now', 'buy nowhere', 'buyer now', 'buy', 'now']);
  finds(['a b c d'], ['x a b c d y', 'A, B, C, D']);
  finds(['one two', 'one two three'], ['one one two', 'zero one two three']);
});

test('a star stands for any end of the word, and for no end of a phrase but its last', () => {
  finds(['spam*'], ['spam', 'spammer', 'SPAMMING', 'no spämmy things', 's p a m m e r']);
  passes(['spam*'], ['antispam', 'spa', 'spa m']);
  finds(['free mon*'], ['free money', 'free mon', 'FREE monetisation']);
  passes(['free mon*'], ['freedom money', 'free the money']);
});

test('case, diacritics and compatibility forms make no difference', () => {
  finds(
    ['idiot'],
    [
      'IDIOT',
      'ídîöt',
      'i\u0307d\u0323iot',
      'ｉｄｉｏｔ',
      '𝓲𝓭𝓲𝓸𝓽',
      '𝕀𝔻𝕀𝕆𝕋',
      'ⓘⓓⓘⓞⓣ',
      '🅸🅳🅸🅾🆃',
      'ıdıot',
      'İDİOT',
      'ɪᴅɪᴏᴛ',
      'ĩđĩøŧ',
      'i̶d̶i̶o̶t̶',
    ],
  );
  finds(['ärger'], ['arger', 'ÄRGER', 'a\u0308rger']);
  finds(['straße'], ['STRASSE', 'strasse', 'Straße']);
  finds(['œuvre'], ['oeuvre']);
  finds(['fi'], ['ﬁ']);
});

test('Turkish letters with and without dot are one, in every case', () => {
  finds(['pis'], ['PİS', 'PIS', 'pıs', 'Pis']);
  finds(['PİS'], ['pis', 'pıs']);
});

test('characters without width are not seen', () => {
  finds(
    ['idiot'],
    [
      'id\u200biot',
      'i\u200cd\u200di\u2060o\ufefft',
      'idi\u00adot',
      '\u202eidiot',
      'i\u034fdiot',
      'id\u{e0061}iot',
      'i\ufe0fdiot',
    ],
  );
});

test('look-alike letters in a word are seen through', () => {
  finds(
    ['scope', 'pay', 'bank'],
    ['ѕсоре', 'sсope', 'ѕCOPΕ', 'рау', 'раy', 'Ьank', 'bаnк', 'ΒΑΝΚ', 'ВАNК', 'sсòpe', 'ѕ с о р е', 'ЅСОРЕ it'],
  );
});

test('texts in other scripts are not mistaken for disguised Latin ones', () => {
  passes(
    ['bot', 'pot', 'cop', 'hot', 'tot', 'kot', 'het', 'cocok'],
    ['вот это да', 'рот и нос', 'сор из избы', 'нот нет', 'это кот', 'вот', 'нет'],
  );
  passes(['nova', 'vov'], ['νόμος και τάξη', 'ένα νησί']);
});

test('lists in other scripts work as well, and so do Latin letters slipped into them', () => {
  finds(['дурак'], ['ДУРАК', 'ты дурак!', 'дypak', 'дурaк', 'д у р а к', 'дур\u0301ак']);
  passes(['дурак'], ['дураки', 'придурак']);
  finds(['дурак*'], ['дураки']);
  finds(['κακός'], ['κακος', 'ΚΑΚΌΣ'.normalize('NFD').toLowerCase().replace('σ', 'ς')]);
  finds(['वेश्या'], ['वेश्या है']);
  passes(['वेश'], ['वेश्या']);
  finds(['كلب'], ['كَلْب', 'يا كلب']);
  finds(['כלב'], ['כֶּלֶב']);
});

test('scripts without spaces are searched everywhere', () => {
  finds(['傻瓜'], ['你是傻瓜吗', '傻 瓜', '傻瓜']);
  passes(['傻瓜'], ['瓜傻', '傻西瓜']);
  finds(['ばか'], ['おまえばかだな']);
  passes(['はか'], ['ばか']);
  finds(['바보'], ['바보', '이 바보!']);
  finds(['바보*'], ['바보야']);
});

test('digits and signs that stand for letters are read as them, in words that have letters', () => {
  finds(
    ['ass', 'shit', 'leet', 'boobs', 'lol', 'idiot'],
    ['a55', 'a$$', '@ss', 'sh1t', 'sh!t', 'l33t', '1337 l337', 'b00bs', '|o|', 'l0l', '1d10t', 'sh1t!', 'id!0t'],
  );
  passes(['ass', 'soil', 'leet', 'boss'], ['455', '5011', '1337', '50ll 5', '8055', '@sunny', 'mail@5']);
  finds(['a55'], ['a55']);
});

test('letters that are drawn out are read as one or two', () => {
  finds(['shit', 'boob', 'ass'], ['shiiiiit', 'SHHHHIIIITTTT', 'booooob', 'asssss', 'sh111t', 'b000b']);
  passes(['bob', 'god'], ['boob', 'good', 'goood food'.replace('goood', 'good')]);
  finds(['1000'], ['1000']);
  passes(['1000'], ['100', '10000']);
});

test('letters with signs or spaces between them are read as a word', () => {
  finds(
    ['idiot', 'fool'],
    [
      'i d i o t',
      'i.d.i.o.t',
      'i-d-i-o-t',
      'id-iot',
      'id_iot',
      'f.o.o.l you',
      'f--o...o--l',
      'a f o o l',
      'I\nf\no\no\nl',
      'fo·ol',
    ],
  );
  // Where the row of letters ends, or what one of them is, depends on how the signs beside them are read.
  finds(['spam'], ['x.y s p a m', 's p a m x.y', 'жук s p а-$-m']);
  finds(['abs'], ['a b $!!c']);
  passes(['fool', 'hell', 'ass'], ['f o o', "he'll", 'a b c d e', 'f o o l s', 'w a s s u p', 'plan a s s p q']);
});

test('a word in one disguise is found beside words in another, and beside plain ones', () => {
  finds(
    ['buy cheap pills', 'fool'],
    ['buuuuy cheap p1lls', 'say buy ch3ap pi11s now', 'buy c-h-e-a-p pills', 'l33t f-о-о-l s p a c e'],
  );
  passes(['buy cheap pills'], ['buy ch3ap and pills', 'b-u-y cheap frills', 'buuuuy cheap pi11']);
});

test('emoji neither hide words nor make them', () => {
  finds(['idiot'], ['😀idiot😀', 'idiot👍🏽']);
  passes(['idiot', 'a', 'us'], ['👍🏽', '😀😃', '❤️', '🇺🇸', '👨‍👩‍👧']);
});

test('entries without letters and digits find nothing', () => {
  for (const text of ['*', '!!!', ' ', '😀', '---*']) assert.equal(isFindable(text), false, text);
  for (const text of ['a', '7', '傻', 'x*']) assert.equal(isFindable(text), true, text);
  assert.equal(new WordList(['*', '!!!']).size, 0);
  passes(['*', '!'], ['anything!']);
});

test('a long list finds each of its words and nothing else', () => {
  const words = Array.from(
    { length: 1000 },
    (_, index) => `w${index.toString(36).replace(/[0-9]/g, (d) => 'qrtvxyzbcd'[Number(d)] ?? '')}q`,
  );
  const list = new WordList(words);
  for (const word of words) {
    scan.scan(`here is ${word.toUpperCase()} in a text`);
    assert.notEqual(list.find(scan), null, word);
  }
  scan.scan('the quick brown fox jumps over the lazy dog while nobody is watching');
  assert.equal(list.find(scan), null);
});

test('texts that are made to be slow are not', () => {
  const list = new WordList([
    ...Array.from({ length: 1000 }, (_, index) => `${'a '.repeat(index % 40)}b${index}`),
    'a*b',
    'aaaa*',
  ]);
  const texts = [
    'a '.repeat(250),
    'b'.repeat(500),
    'а'.repeat(500),
    '1!|1'.repeat(125),
    'x-'.repeat(250),
    `${'a '.repeat(249)}c`,
  ];
  const started = performance.now();
  for (const text of texts) {
    scan.scan(text);
    for (let time = 0; time < 10; time++) list.find(scan);
  }
  // Milliseconds for sixty messages: a search that backtracks would take minutes.
  assert.ok(performance.now() - started < 3000, `${performance.now() - started} ms`);
});
