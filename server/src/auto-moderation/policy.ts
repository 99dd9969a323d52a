import type { AutoModeration, RuleName, RuleOutcome, ShieldProfile } from '@hubbub/protocol/auto-moderation.js';
import { canonicalHost, hasForbiddenLink, type LinkRule } from './links.js';
import { TextScan } from './text-scan.js';
import { WordList } from './word-list.js';

/** What stops a message. */
export interface Hit {
  readonly rule: RuleName;
  readonly outcome: RuleOutcome;
  /** Minutes of the timeout, where that is the outcome. */
  readonly timeoutMinutes: number;
  /** The entry of the list that was found. For moderators: its author is told the rule alone. */
  readonly match: string | null;
}

/** How often a user may send the same text. */
export interface RepeatsRule {
  readonly max: number;
  readonly withinSeconds: number;
  readonly hit: Hit;
}

/** A channel's settings, as they are stored. */
export interface PolicySettings {
  readonly version: number;
  readonly rules: AutoModeration;
  /** Null: the shield is off. */
  readonly shield: ShieldProfile | null;
}

const DEFAULT_TIMEOUT_MINUTES = 10;
const DEFAULT_MIN_LETTERS = 10;
/** The gravest first: a message is dealt with as the worst of what it does. */
const GRAVITY: readonly RuleOutcome[] = ['timeout', 'refuse', 'hold'];

type Test = (text: string) => string | boolean;

interface CompiledRule {
  readonly hit: Hit;
  /** The rule is hit: true, or the entry of its list. */
  readonly test: Test;
}

// One message at a time is looked at, from the beginning to the end.
const scan = new TextScan();

/**
 * A channel's rules, made ready once for all its messages. Looking at a message has no effect and needs nothing but its
 * text; what depends on earlier messages is left to the caller (`repeats`).
 */
export class Policy {
  readonly version: number;
  /** Null: the same text may be sent as often as one likes. */
  readonly repeats: RepeatsRule | null;
  /** Rough size in memory, in words of lists. */
  readonly weight: number;
  readonly #rules: readonly CompiledRule[];

  constructor({ version, rules, shield }: PolicySettings) {
    this.version = version;
    const compiled = compileRules(rules, shield);
    this.#rules = GRAVITY.flatMap((outcome) => compiled.filter(({ hit }) => hit.outcome === outcome));
    const { repeated_messages: repeats } = rules;
    this.repeats =
      repeats === undefined
        ? null
        : { max: repeats.max, withinSeconds: repeats.within_seconds, hit: hitOf('repeated_messages', repeats) };
    this.weight = 1 + (rules.words?.list.length ?? 0);
  }

  /** Whether no message can be stopped. */
  get isEmpty(): boolean {
    return this.#rules.length === 0 && this.repeats === null;
  }

  /** @returns the gravest of the rules that the text hits; null: none */
  check(text: string): Hit | null {
    if (this.#rules.length === 0) return null;
    scan.scan(text);
    for (const { test, hit } of this.#rules) {
      const found = test(text);
      if (found !== false) return typeof found === 'string' ? { ...hit, match: found } : hit;
    }
    return null;
  }
}

/** What is the same about texts that differ in case, diacritics and spaces alone. */
export function gistOf(text: string): string {
  scan.scan(text);
  const { units, length } = scan;
  let hash = 0x811c9dc5 | 0;
  let second = 5381;
  for (let index = 0; index < length; index++) {
    const unit = units[index] ?? 0;
    if (unit <= 32) continue;
    hash = Math.imul(hash ^ unit, 0x01000193);
    second = (Math.imul(second, 33) + unit) | 0;
  }
  return `${(hash >>> 0).toString(36)}${(second >>> 0).toString(36)}`;
}

interface RuleSettings {
  readonly outcome: RuleOutcome;
  readonly timeout_minutes?: number;
}

function hitOf(rule: RuleName, { outcome, timeout_minutes = DEFAULT_TIMEOUT_MINUTES }: RuleSettings): Hit {
  return { rule, outcome, timeoutMinutes: timeout_minutes, match: null };
}

function compileRules(rules: AutoModeration, shield: ShieldProfile | null): CompiledRule[] {
  const { words, repeated_characters: repeated, capitals, mentions } = rules;
  const compiled: CompiledRule[] = [];
  if (words !== undefined) {
    const list = new WordList(words.list);
    compiled.push({ hit: hitOf('words', words), test: () => list.find(scan) ?? false });
  }
  if (repeated !== undefined) {
    compiled.push({ hit: hitOf('repeated_characters', repeated), test: () => scan.longestRun > repeated.max });
  }
  if (capitals !== undefined) {
    const { max_percent, min_letters = DEFAULT_MIN_LETTERS } = capitals;
    const test = () => scan.cased >= min_letters && scan.capitals * 100 > scan.cased * max_percent;
    compiled.push({ hit: hitOf('capitals', capitals), test });
  }
  if (mentions !== undefined) {
    compiled.push({ hit: hitOf('mentions', mentions), test: () => scan.mentions > mentions.max });
  }
  const links = compileLinks(rules, shield);
  if (links !== null) compiled.push(links);
  if (shield?.hold_all === true) compiled.push({ hit: hitOf('shield', { outcome: 'hold' }), test: () => true });
  return compiled;
}

function compileLinks({ links }: AutoModeration, shield: ShieldProfile | null): CompiledRule | null {
  const blocked = shield?.block_links === true;
  if (!blocked && (links === undefined || links.allow === 'all')) return null;
  const hosts = new Set((links?.hosts ?? []).map((host) => canonicalHost(host) ?? host));
  const rule: LinkRule = { hosts: !blocked && links?.allow === 'listed' ? hosts : null };
  const settings = links === undefined || links.allow === 'all' ? { outcome: 'refuse' as const } : links;
  return { hit: hitOf('links', settings), test: (text) => hasForbiddenLink(text, rule, scan.mayHideLinks) };
}
