import { contentOf, digestOf } from './content.js';
import type { RunIndex } from './run-index.js';
import type { Violation } from './run-record.js';

/** The stored sequence of each channel is whole, and what is stored is what was sent. */
export function* checkDatabase(index: RunIndex): Generator<Violation> {
  yield* checkSequences(index);
  yield* checkRows(index);
}

function* checkSequences({ run: { stored } }: RunIndex): Generator<Violation> {
  const places = stored.heads.map((): number[] => []);
  for (const { ch, seq } of [...stored.messages, ...stored.events]) places[ch]?.push(seq);
  for (const [ch, seqs] of places.entries()) {
    let last = 0;
    for (const seq of seqs.sort((a, b) => a - b)) {
      if (seq !== last + 1) {
        const what = seq === last ? `place ${seq} is taken twice` : `place ${last + 1} is missing`;
        yield { rule: 'database', t: null, ch, text: `channel ${ch}: ${what} in the database` };
      }
      last = seq;
    }
    const head = stored.heads[ch] ?? 0;
    if (last !== head) {
      yield {
        rule: 'database',
        t: null,
        ch,
        text: `channel ${ch}: last_seq is ${head}, the last stored place ${last}`,
      };
    }
  }
}

function* checkRows({ run: { stored }, stories }: RunIndex): Generator<Violation> {
  const seen = new Set<string>();
  for (const { id, c, ch, seq, d, deleted } of stored.messages) {
    const at = { t: null, ch, id };
    if (seen.has(id)) yield { rule: 'database', ...at, text: `message ${id} is stored twice, once at place ${seq}` };
    seen.add(id);
    const story = stories.get(id);
    if (story === undefined) {
      yield { rule: 'database', ...at, text: `message ${id} at place ${seq} of channel ${ch} was sent by nobody` };
      continue;
    }
    if (story.c !== c || story.ch !== ch) {
      const text = `message ${id} is stored for client ${c} in channel ${ch}, and was sent by ${story.c} to ${story.ch}`;
      yield { rule: 'disagreement', ...at, text };
    }
    if (d !== digestOf(deleted ? '' : contentOf(id, story.size))) {
      yield { rule: 'content', ...at, text: `message ${id} is stored with another text than was sent` };
    }
  }
}
