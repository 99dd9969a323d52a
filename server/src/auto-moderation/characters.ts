/*
 * What auto-moderation knows of a character: how it is folded, and of what kind it is. Looked up once for each character
 * and kept in flat tables, so that a message costs a few array reads a character.
 */

/** Kinds of characters, as bits. */
export const KIND = {
  /** Letter, digit, or a mark that belongs to its letter: part of a word. */
  word: 1,
  capital: 2,
  small: 4,
  latin: 8,
  /** Letter of another script than Latin. */
  foreign: 16,
  /** A foreign letter that looks like a Latin one to the dot; without this bit a look-alike is only a loose one. */
  twin: 32,
  /** Dropped by folding: diacritics, and what has no width. */
  dropped: 64,
  /** Digit or sign that stands for a letter in words like `l33t`. */
  leet: 128,
  /** Sign that people put between the letters of one word. */
  joint: 256,
  /** Belongs to a tag sequence (flags of regions). */
  tag: 512,
} as const;
const KNOWN = 1 << 10;
const LIKE_SHIFT = 11;
const BEFORE_A = 96;

/** A character's entry. */
export interface CharacterEntry {
  /** Bits of {@link KIND}. */
  readonly kind: number;
  /** Its folded form, in UTF-16 units: no case, no diacritics, compatibility forms taken apart. Empty: dropped. */
  readonly folded: string;
  /** Latin letter (its code) that it looks like or stands for; 0: none. */
  readonly looksLike: number;
}

// Marks that a letter is read without, too. Those of other scripts (vowels of Devanagari, kana's voicing) are part of it.
const DIACRITIC_CLASS = String.raw`[[[\p{Mn}\p{Me}]&&[\p{Script=Inherited}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}]]--[\u3099\u309a]]`;
const DIACRITIC = new RegExp(DIACRITIC_CLASS, 'v');
const DIACRITICS = new RegExp(DIACRITIC_CLASS, 'gv');
const WITHOUT_WIDTH = /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
const WORD = /[\p{L}\p{N}\p{M}]/u;
const LATIN = /\p{Script=Latin}/u;
const LETTER = /\p{L}/u;
/** Taken apart they would add letters to the word before them. */
const WORD_SIGNS = new Set(['™', '℠']);

/** Latin letters that Unicode does not take apart, and what they are without their stroke, hook or size. */
const LATIN_FORMS = pairs(
  'ıi øo đd ðd ħh łl ŧt ɑa ɡg ɩi ɪi ƒf ƀb ɓb ɖd ɗd ɛe ɫl ɱm ɲn ŋn ɵo ʂs ʉu ⱥa ȼc ɇe ɉj ꝁk ɍr ɏy ƶz ᴀa ʙb ᴄc ᴅd ᴇe ꜰf ɢg ʜh ᴊj ᴋk ʟl ᴍm ɴn ᴏo ᴘp ʀr ꜱs ᴛt ᴜu ᴠv ᴡw ʏy ᴢz ƙk ƥp ƭt ʋv ɨi ɯm',
);
const LATIN_LIGATURES: Readonly<Record<string, string>> = { æ: 'ae', œ: 'oe', ß: 'ss', þ: 'th' };

/** Letters of other scripts that cannot be told from a Latin one, each in its own case. */
const TWINS = pairs(
  'аa сc ԁd еe һh іi јj ӏl оo рp ԛq ѕs уy хx ѵv ԝw АA ВB СC ЕE НH ІI ЈJ КK МM ОO РP ԚQ ЅS ТT УY ХX ԜW ҮY ӀI ' +
    'αa οo νv ιi ρp υu κk ϲc ϳj ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ϹC օo սu ոn հh ᎪA ᏴB ᏟC ᎠD ᎬE ᏀG ᎻH ᎫJ ᏦK ᏞL ᎷM ᏢP ᏚS ᎢT ᏙV ᎳW ᏃZ',
);
/** Those that resemble one closely enough to be read as it inside a word. */
const LOOSE = pairs('кk мm тt нh вb гr пn иu шw зz яr ьb χx τt εe γy ηn ωw μu βb ցg զq լl');
const LEET = pairs('0o 1i 3e 4a 5s 7t 8b 9g @a $s !i |i +t €e ¡i');
const JOINTS = new Set('-._~^=/\\*·•');
/** Negative circled, negative squared: `A` to `Z` in a row. */
const ENCLOSED_FROM: readonly number[] = [0x1f150, 0x1f170];

/**
 * For each UTF-16 unit that is a character by itself: its bits of {@link KIND} and {@link KNOWN}, the Latin letter that it
 * looks like ({@link LIKE_SHIFT}, counted from the sign before `a`; 0: none), and in the upper half the one unit that it is
 * folded to (0: none, or several).
 */
const units = new Int32Array(0x10000);
/** For each unit what {@link skeletonOf} says. */
const skeletons = Uint16Array.from({ length: 0x10000 }, (_, unit) => unit);
for (const [character, letter] of LEET) skeletons[character.charCodeAt(0)] = letter;
skeletons['l'.charCodeAt(0)] = 'i'.charCodeAt(0);
/** Entries whose folded form is not one unit, and those beyond the basic plane. */
const others = new Map<number, CharacterEntry>();
const MAX_OTHERS = 20_000;

/**
 * What is known of a UTF-16 unit that is a character by itself: in the lower half its mark (see {@link markOf}), in the
 * upper one the unit that it is folded to; 0: see {@link entryOf}. Found out when it is first met.
 */
export function lookUp(unit: number): number {
  const known = units[unit] ?? 0;
  return known === 0 ? learn(unit) : known;
}

/** Kind and look-alike of a character in 16 bits: those of {@link KIND}, and see {@link likeOf}. */
export function markOf({ kind, looksLike }: CharacterEntry): number {
  return kind | KNOWN | (looksLike === 0 ? 0 : (looksLike - BEFORE_A) << LIKE_SHIFT);
}

/** The Latin letter that a character with this mark looks like or stands for; 0: none. */
export function likeOf(mark: number): number {
  const letter = (mark >>> LIKE_SHIFT) & 31;
  return letter === 0 ? 0 : letter + BEFORE_A;
}

/** What a unit of a folded text has in common with all that it may stand for: of a digit or sign its letter, of `l` the `i`. */
export function skeletonOf(unit: number): number {
  return skeletons[unit] ?? unit;
}

/** The entry of any code point. */
export function entryOf(codePoint: number): CharacterEntry {
  let entry = others.get(codePoint);
  if (entry === undefined) {
    entry = describe(codePoint);
    if (others.size >= MAX_OTHERS) others.clear();
    others.set(codePoint, entry);
  }
  return entry;
}

/** The least unit for which {@link standsAlone} can be true. */
export const FIRST_ALONE = 0x0e00;

/**
 * Scripts that put no spaces between words (Han, Kana, Thai, Lao, Burmese, Khmer): each unit counts as a word, and a word
 * of the list as a phrase of them.
 */
export function standsAlone(unit: number): boolean {
  return (
    (unit >= FIRST_ALONE && unit <= 0x0eff) ||
    (unit >= 0x1000 && unit <= 0x109f) ||
    (unit >= 0x1780 && unit <= 0x17ff) ||
    (unit >= 0x2e80 && unit <= 0xa4cf) ||
    (unit >= 0xd800 && unit <= 0xdfff) ||
    (unit >= 0xf900 && unit <= 0xfaff)
  );
}

function learn(unit: number): number {
  const entry = describe(unit);
  const folded = entry.folded.length === 1 ? entry.folded.charCodeAt(0) : 0;
  const known = markOf(entry) | (folded << 16);
  units[unit] = known;
  return known;
}

function describe(codePoint: number): CharacterEntry {
  const character = String.fromCodePoint(codePoint);
  if (WITHOUT_WIDTH.test(character)) {
    return {
      kind: KIND.dropped | (codePoint >= 0xe0020 && codePoint <= 0xe007f ? KIND.tag : 0),
      folded: '',
      looksLike: 0,
    };
  }
  if (DIACRITIC.test(character)) return { kind: KIND.dropped, folded: '', looksLike: 0 };
  let kind = 0;
  const leet = LEET.get(character);
  if (leet !== undefined) kind |= KIND.leet;
  if (JOINTS.has(character)) kind |= KIND.joint;
  const folded = fold(character, codePoint);
  if (folded === '' || !WORD.test(folded)) return { kind, folded: character, looksLike: leet ?? 0 };
  kind |= KIND.word;
  if (/[\p{Lu}\p{Lt}]/u.test(character)) kind |= KIND.capital;
  else if (/\p{Ll}/u.test(character)) kind |= KIND.small;
  if (LATIN.test(folded)) kind |= KIND.latin;
  else if (LETTER.test(folded)) kind |= KIND.foreign;
  const twin = TWINS.get(character);
  if (twin !== undefined) kind |= KIND.twin;
  // A letter with a diacritic looks like what its bare letter looks like.
  const like = twin ?? TWINS.get(folded) ?? LOOSE.get(folded) ?? leet ?? 0;
  return { kind, folded, looksLike: like };
}

function fold(character: string, codePoint: number): string {
  if (WORD_SIGNS.has(character)) return '';
  for (const from of ENCLOSED_FROM) {
    if (codePoint >= from && codePoint < from + 26) return String.fromCharCode(97 + codePoint - from);
  }
  // Hangul would be taken apart into its jamo, without any gain.
  const parts = /\p{Script=Hangul}/u.test(character) ? character : character.normalize('NFKD');
  const small = parts.toLowerCase().normalize('NFKD').replace(DIACRITICS, '');
  const bare = /\p{Script=Hangul}/u.test(character) ? small.normalize('NFC') : small;
  return [...bare].map((each) => LATIN_LIGATURES[each] ?? latinForm(each)).join('');
}

function latinForm(character: string): string {
  const form = LATIN_FORMS.get(character);
  return form === undefined ? character : String.fromCharCode(form);
}

/** @param text pairs of a character and the Latin letter for it, which is stored in lower case */
function pairs(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split(' ').map((pair) => {
      const [character = '', letter = ''] = pair;
      return [character, letter.toLowerCase().charCodeAt(0)];
    }),
  );
}
