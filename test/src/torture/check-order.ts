import { keyOf } from './key.js';
import type { RunIndex, Story } from './run-index.js';
import type { Violation } from './run-record.js';

/** The sequence agrees with time, and with the order in which a connection sent. */
export function* checkOrder(index: RunIndex): Generator<Violation> {
  const channels = new Map<number, Placed[]>();
  for (const story of index.stories.values()) {
    const stored = index.storedById.get(story.id);
    if (stored === undefined || stored.ch !== story.ch) continue;
    const placed = channels.get(story.ch) ?? [];
    placed.push({ story, seq: stored.seq, sentAtMs: story.sends[0]?.t ?? Number.POSITIVE_INFINITY });
    channels.set(story.ch, placed);
  }
  for (const [ch, placed] of channels) {
    yield* checkTime(index, ch, placed);
    yield* checkSenders(ch, placed);
  }
}

interface Placed {
  readonly story: Story;
  readonly seq: number;
  readonly sentAtMs: number;
}

/** What anyone had seen before a message was first sent is before it in the sequence. */
function* checkTime({ seenAtMs }: RunIndex, ch: number, placed: readonly Placed[]): Generator<Violation> {
  const seen = placed
    .map(({ story, seq }) => ({ id: story.id, seq, t: seenAtMs.get(keyOf(ch, seq)) ?? Number.POSITIVE_INFINITY }))
    .sort((a, b) => a.t - b.t);
  let at = 0;
  let highest = { id: '', seq: 0 };
  for (const { story, seq, sentAtMs } of [...placed].sort((a, b) => a.sentAtMs - b.sentAtMs)) {
    for (let next = seen[at]; next !== undefined && next.t < sentAtMs; next = seen[++at]) {
      if (next.seq > highest.seq) highest = next;
    }
    if (highest.seq > seq) {
      const text =
        `channel ${ch}: message ${highest.id} (place ${highest.seq}) was acknowledged before ` +
        `${story.id} (place ${seq}) was sent`;
      yield { rule: 'order', t: sentAtMs, c: story.c, ch, id: story.id, text };
    }
  }
}

/** Messages that went out once each, on one connection and without an error, keep their order. */
function* checkSenders(ch: number, placed: readonly Placed[]): Generator<Violation> {
  const last = new Map<string, Placed>();
  for (const each of [...placed].sort((a, b) => a.sentAtMs - b.sentAtMs)) {
    const [send, again] = each.story.sends;
    if (send === undefined || send.conn === null || again !== undefined || each.story.errors.length > 0) continue;
    const sender = keyOf(send.c, send.conn);
    const before = last.get(sender);
    if (before !== undefined && before.seq > each.seq) {
      const { c, id } = each.story;
      const text = `client ${c} sent ${before.story.id} (place ${before.seq}) before ${id} (place ${each.seq})`;
      yield { rule: 'order', t: each.sentAtMs, c, ch, id, text };
    }
    last.set(sender, each);
  }
}
