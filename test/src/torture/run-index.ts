import type { ErrorEvent, GotEvent, ModeratedEvent, PostedEvent, SentEvent } from './events.js';
import { keyOf } from './key.js';
import { Restraint } from './restraint.js';
import type { RunRecord, StoredEvent, StoredMessage } from './run-record.js';

/** All that happened to one good message. */
export interface Story {
  readonly id: string;
  readonly c: number;
  readonly ch: number;
  readonly size: number;
  readonly sends: SentEvent[];
  readonly errors: ErrorEvent[];
  readonly posted: PostedEvent[];
  /** When its sender first had his acknowledgement; null: never. */
  ackedAtMs: number | null;
}

/** A run's record in the forms in which the checks look at it. */
export class RunIndex {
  readonly run: RunRecord;
  /** Good messages by id. */
  readonly stories = new Map<string, Story>();
  /** Messages that had to be refused. */
  readonly bad: SentEvent[] = [];
  /** Errors by {@link keyOf} client and message id. */
  readonly errors = new Map<string, ErrorEvent[]>();
  readonly storedById = new Map<string, StoredMessage>();
  /** Stored places that are no messages, by {@link keyOf} channel and seq. */
  readonly storedEvents = new Map<string, StoredEvent>();
  /** When a place was first seen by anyone, by {@link keyOf} channel and seq. */
  readonly seenAtMs = new Map<string, number>();
  readonly restraint: Restraint;

  constructor(run: RunRecord) {
    this.run = run;
    for (const message of run.stored.messages) this.storedById.set(message.id, message);
    for (const event of run.stored.events) this.storedEvents.set(keyOf(event.ch, event.seq), event);
    for (const event of run.events) {
      if (event.k === 'sent') this.#addSent(event);
      else if (event.k === 'err') this.#addError(event);
      else if (event.k === 'posted') this.#addPosted(event);
      else if (event.k === 'got') this.#addGot(event);
    }
    this.restraint = new Restraint(run.events.filter((event): event is ModeratedEvent => event.k === 'moderated'));
  }

  #addSent(event: SentEvent): void {
    if (event.bad !== undefined) {
      this.bad.push(event);
      return;
    }
    const { id, c, ch, size } = event;
    const story = this.stories.get(id) ?? { id, c, ch, size, sends: [], errors: [], posted: [], ackedAtMs: null };
    story.sends.push(event);
    this.stories.set(id, story);
  }

  #addError(event: ErrorEvent): void {
    if (event.id === null) return;
    const key = keyOf(event.c, event.id);
    const errors = this.errors.get(key);
    if (errors === undefined) this.errors.set(key, [event]);
    else errors.push(event);
    const story = this.stories.get(event.id);
    if (story?.c === event.c) story.errors.push(event);
  }

  #addPosted(event: PostedEvent): void {
    const story = this.stories.get(event.id);
    story?.posted.push(event);
    this.#acknowledge(story, event.t);
    this.#see(event.ch, event.seq, event.t);
  }

  #addGot(event: GotEvent): void {
    this.#see(event.ch, event.seq, event.t);
    const story = event.id === undefined ? undefined : this.stories.get(event.id);
    if (story?.c === event.c) this.#acknowledge(story, event.t);
  }

  #acknowledge(story: Story | undefined, t: number): void {
    if (story !== undefined) story.ackedAtMs = Math.min(story.ackedAtMs ?? t, t);
  }

  #see(ch: number, seq: number, t: number): void {
    const key = keyOf(ch, seq);
    this.seenAtMs.set(key, Math.min(this.seenAtMs.get(key) ?? t, t));
  }
}
