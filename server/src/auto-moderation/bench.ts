/*
 * What the rules cost a message that passes all of them: `npm run bench:auto-moderation`. Fails when a median misses the bar.
 *
 * All rules are on, and the text is one that no rule stops, so that each is looked at to its end. No text comes twice in a
 * row, or its scan would be saved. Times are those of one message in processor time (so that a busy machine counts little),
 * in microseconds: the median and the slowest of the rounds, after a warm-up. The rate of repeated messages is taken from
 * memory here; with Redis it is one script of the round trip that all messages of a tick share.
 */
import { cpus } from 'node:os';
import { MemoryLimiter } from '../limiter.js';
import { gistOf, Policy } from './policy.js';

const ROUNDS = 15;
const ROUND_MESSAGES = 4000;
const WARM_UP_ROUNDS = 5;
const TARGET_US = 20;
const TEXTS = 8;

const SYLLABLES = ['bra', 'kul', 'mot', 'vex', 'zin', 'pra', 'dol', 'gre', 'shi', 'tan'];

/** Words and phrases that no text below has; a fifth of them phrases, a fifth open at the end. */
function wordList(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const part = (shift: number) => SYLLABLES[Math.floor(index / 10 ** shift) % 10] ?? '';
    const word = `q${part(0)}${part(1)}${part(2)}`;
    if (index % 5 === 0) return `${word} ${part(1)}q`;
    return index % 5 === 1 ? `${word}*` : word;
  });
}

function policyOf(words: number): Policy {
  const outcome = 'refuse';
  return new Policy({
    version: 1,
    shield: null,
    rules: {
      words: { list: wordList(words), outcome },
      links: { allow: 'listed', hosts: Array.from({ length: 100 }, (_, index) => `host${index}.example.com`), outcome },
      repeated_characters: { max: 20, outcome },
      capitals: { max_percent: 90, outcome },
      repeated_messages: { max: 20, within_seconds: 1, outcome },
      mentions: { max: 50, outcome },
    },
  });
}

const PLAIN = 'Did you see the news this morning? I think we should meet at noon and talk about what to do next. ';
const BUSY = 'Hey @ada, at 10:30 see https://host7.example.com/a/b?c=d (v2.0), it costs 5$ - really, re-read it!!! ';
const MIXED = 'Привет! Встречаемся завтра в 10. Γειά σου κόσμε; 你好，世界 مرحبا बहुत अच्छा 😀👍🏽 naïve café Ünïcödé ';
/** Every disguise at once, so that any reading could find something. */
const DISGUISED = 'Тhе qu1ck br0wn f-o-x jumрs 0vеr thе l4zy d.o.g wоооооw $o c00l хоrоshо s p a c e d _o_u_t_ 1337 ';

/** As many texts of a length, each beginning at another word of the given one. */
function textsOf(text: string, length: number): string[] {
  const words = text.trimEnd().split(' ');
  return Array.from({ length: TEXTS }, (_, first) => {
    const turned = `${[...words.slice(first), ...words.slice(0, first)].join(' ')} `;
    return [...turned.repeat(Math.ceil(length / turned.length) + 1)].slice(0, length).join('');
  });
}

/** @returns microseconds a message: of the median round, and of the slowest */
function measure(policy: Policy, texts: readonly string[]): { median: number; slowest: number } {
  const limiter = new MemoryLimiter();
  const rate = { perMinute: 60_000_000, burst: 1_000_000 };
  const rounds: number[] = [];
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    const started = process.cpuUsage();
    for (let message = 0; message < ROUND_MESSAGES; message++) {
      const text = texts[message % TEXTS] ?? '';
      if (policy.check(text) !== null) throw new Error(`The text is stopped by ${policy.check(text)?.rule}`);
      void limiter.take(gistOf(text), rate);
    }
    const { user, system } = process.cpuUsage(started);
    if (round >= WARM_UP_ROUNDS) rounds.push((user + system) / ROUND_MESSAGES);
  }
  limiter.close();
  rounds.sort((a, b) => a - b);
  return { median: rounds[ROUNDS >> 1] ?? 0, slowest: rounds.at(-1) ?? 0 };
}

console.log(
  `All rules on; microseconds a message. Node.js ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`,
);
console.log('| text                 | characters | words | median | slowest round |');
console.log('| -------------------- | ---------: | ----: | -----: | ------------: |');
let missed = false;
for (const [name, text] of Object.entries({
  plain: PLAIN,
  'links and mentions': BUSY,
  'mixed scripts': MIXED,
  'all disguises': DISGUISED,
})) {
  for (const length of [100, 500]) {
    for (const words of [10, 1000]) {
      const { median, slowest } = measure(policyOf(words), textsOf(text, length));
      const cells = [
        name.padEnd(20),
        String(length).padStart(10),
        String(words).padStart(5),
        median.toFixed(1).padStart(6),
      ];
      console.log(`| ${cells.join(' | ')} | ${slowest.toFixed(1).padStart(13)} |`);
      missed ||= median >= TARGET_US;
    }
  }
}
if (missed) {
  console.error(`Not every median is under ${TARGET_US} microseconds.`);
  process.exitCode = 1;
}
