/** Runs made by hand, for the tests of the checker. */
import assert from 'node:assert/strict';
import { check } from './checker.js';
import { contentOf, digestOf } from './content.js';
import type { ClientEvent, FaultRecord } from './events.js';
import type { Rule, RunRecord, StoredAction, StoredMessage } from './run-record.js';

export const SIZE = 60;
export const ADA = 0;
export const BOB = 1;

/** A run made by hand: one channel, whose place 2 is a change of the channel. */
export class Story {
  readonly events: ClientEvent[] = [];
  readonly messages: StoredMessage[] = [];
  readonly faults: FaultRecord[] = [];
  readonly actions: StoredAction[] = [];
  head = 0;
  places: { ch: number; seq: number; type: string }[] = [];

  stored(id: string, seq: number, c = ADA): this {
    this.messages.push({ ch: 0, seq, id, c, d: digestOf(contentOf(id, SIZE)), deleted: false, atMs: seq });
    this.head = Math.max(this.head, seq);
    return this;
  }

  changed(seq: number): this {
    this.places.push({ ch: 0, seq, type: 'channel_updated' });
    this.head = Math.max(this.head, seq);
    return this;
  }

  sent(t: number, id: string, c = ADA, conn: number | null = 1): this {
    return this.#add({ k: 'sent', t, c, conn, ch: 0, id, size: SIZE });
  }

  bad(t: number, id: string, bad: string): this {
    return this.#add({ k: 'sent', t, c: ADA, conn: 1, ch: 0, id, size: 0, bad });
  }

  error(t: number, id: string, code: string): this {
    return this.#add({ k: 'err', t, c: ADA, conn: 1, ch: 0, id, code });
  }

  joined(t: number, c: number, asked: number | null, seq: number, oldest: number | null = null, conn = 1): this {
    this.#add({ k: 'open', t, c, conn, i: 0 });
    return this.#add({ k: 'sub', t, c, conn, ch: 0, asked, seq, recovered: oldest === null, oldest });
  }

  got(t: number, c: number, id: string, seq: number, conn = 1): this {
    return this.#add({ k: 'got', t, c, conn, ch: 0, seq, type: 'message', id, d: digestOf(contentOf(id, SIZE)) });
  }

  gotChange(t: number, c: number, seq: number): this {
    return this.#add({ k: 'got', t, c, conn: 1, ch: 0, seq, type: 'channel_updated' });
  }

  closed(t: number, c: number): this {
    return this.#add({ k: 'close', t, c, conn: 1, code: 1006, why: '', own: false });
  }

  end(c: number, reached: number | null = this.head): this {
    return this.#add({ k: 'end', t: 90_000, c, ch: 0, reached });
  }

  fault(fromMs: number, toMs: number): this {
    this.faults.push({ kind: 'kill', detail: 'kill', fromMs, toMs });
    return this;
  }

  record(changes: Partial<RunRecord> = {}): RunRecord {
    const { events, faults, messages, places, head } = this;
    const stored = { heads: [head], messages, events: places, actions: this.actions, trail: null };
    return { events, faults, stalls: [], instanceFaults: [], rssBytes: [1], stored, ...changes };
  }

  #add(event: ClientEvent): this {
    this.events.push(event);
    return this;
  }
}

/** Ada sends two messages, with a change between them; Bob comes later and resumes once. */
export function happyStory(): Story {
  return new Story()
    .stored('a', 1)
    .changed(2)
    .stored('b', 3)
    .joined(0, ADA, 0, 0)
    .sent(10, 'a')
    .got(12, ADA, 'a', 1)
    .gotChange(13, ADA, 2)
    .joined(20, BOB, null, 2, 1)
    .got(21, BOB, 'a', 1)
    .sent(30, 'b')
    .got(31, ADA, 'b', 3)
    .closed(31, BOB)
    .joined(40, BOB, 2, 3, null, 2)
    .got(41, BOB, 'b', 3, 2)
    .end(ADA)
    .end(BOB);
}

export function assertBreaks(story: Story | RunRecord, rule: Rule, text: RegExp): void {
  const found = check(story instanceof Story ? story.record() : story);
  assert.ok(
    found.some((violation) => violation.rule === rule && text.test(violation.text)),
    `no ${rule} like ${text} in ${JSON.stringify(found, null, 1)}`,
  );
}
