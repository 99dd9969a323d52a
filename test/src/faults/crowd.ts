/** People who write all the time, whatever breaks, and readers who see what comes of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ErrorFrame, MessageFrame } from '@hubbub/protocol/frames.js';
import type pg from 'pg';
import { range, type Stage, seqs, type User } from '../contract/stage.js';
import type { ChatClient } from '../support/chat-client.js';
import { until } from '../support/wait.js';

const TICK_MS = 50;

/** Writes a message a tick, and sends again what was answered `UNAVAILABLE`, with the same id, when it is time. */
class Writer {
  /** Id -> place, of what was acknowledged. */
  readonly acknowledged = new Map<string, number>();
  readonly refusals: ErrorFrame[] = [];
  sent = 0;
  readonly #client: ChatClient;
  readonly #timer: NodeJS.Timeout;
  readonly #own = new Set<string>();
  #again: { readonly id: string; readonly atMs: number }[] = [];
  #framesSeen = 0;
  #writing = true;

  constructor(client: ChatClient) {
    this.#client = client;
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Writes nothing new; what is not acknowledged is still sent again. */
  finish(): void {
    this.#writing = false;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const { frame } of this.#client.frames.slice(this.#framesSeen)) {
      if (frame.type === 'message' && this.#own.has(frame.message_id)) {
        this.acknowledged.set(frame.message_id, frame.seq);
      } else if (frame.type === 'error') {
        this.refusals.push(frame);
        this.#again.push({ id: frame.message_id ?? '', atMs: performance.now() + (frame.retry_after_ms ?? 0) });
      }
    }
    this.#framesSeen = this.#client.frames.length;
    const due = this.#again.filter(({ atMs }) => atMs <= performance.now());
    this.#again = this.#again.filter((each) => !due.includes(each));
    for (const { id } of due) this.#send(id);
    if (!this.#writing) return;
    this.sent++;
    const id = randomUUID();
    this.#own.add(id);
    this.#send(id);
  }

  #send(id: string): void {
    this.#client.send({ type: 'message', content: `this is ${id}`, message_id: id });
  }
}

export class Crowd {
  readonly channelId: string;
  readonly owner: User;
  readonly #writers: readonly Writer[];
  readonly #readers: readonly ChatClient[];

  private constructor(channelId: string, owner: User, writers: readonly Writer[], readers: readonly ChatClient[]) {
    this.channelId = channelId;
    this.owner = owner;
    this.#writers = writers;
    this.#readers = readers;
  }

  /** Settles when all have begun. @param writers they and two readers spread over both instances */
  static async start(stage: Stage, writers: number): Promise<Crowd> {
    const { channel, owner } = await stage.channel();
    const join = (at: number) => owner.join(channel.id, { at });
    const readers = await Promise.all([join(0), join(1)]);
    const clients = await Promise.all(range(1, writers).map(join));
    return new Crowd(
      channel.id,
      owner,
      clients.map((client) => new Writer(client)),
      readers,
    );
  }

  get sent(): number {
    return this.#writers.reduce((sum, { sent }) => sum + sent, 0);
  }

  get acknowledged(): number {
    return this.#writers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  get refusals(): ErrorFrame[] {
    return this.#writers.flatMap(({ refusals }) => refusals);
  }

  /** Waits until so many more were acknowledged. */
  async goOn(count: number, timeoutMs = 20_000): Promise<void> {
    const goal = this.acknowledged + count;
    await until(() => this.acknowledged >= goal, { timeoutMs, message: `${count} more messages to be acknowledged` });
  }

  /**
   * Lets everybody come to an end, then asserts that all that was written is acknowledged, that both readers saw it once
   * and in one order without gaps, that the database has the same, and that nothing was refused but for a time.
   *
   * @param database asks the database that is to have it
   */
  async finish(database: pg.Pool): Promise<void> {
    for (const writer of this.#writers) writer.finish();
    try {
      await until(() => this.acknowledged === this.sent, {
        timeoutMs: 30_000,
        message: 'all messages to be acknowledged',
      });
    } finally {
      this.stop();
    }
    for (const { code, retry_after_ms } of this.refusals) {
      assert.equal(code, 'UNAVAILABLE');
      assert.ok((retry_after_ms ?? 0) > 0, 'the sender is told when to try again');
    }
    const places = new Map(this.#writers.flatMap(({ acknowledged }) => [...acknowledged]));
    for (const reader of this.#readers) {
      await until(() => messages(reader).length >= this.sent, { timeoutMs: 10_000, message: 'a reader to have all' });
      assert.deepEqual(seqs(messages(reader)), range(1, this.sent));
      assert.deepEqual(new Map(messages(reader).map(({ message_id, seq }) => [message_id, seq])), places);
    }
    const { rows } = await database.query<{ id: string; seq: string }>(
      'select id, seq from chat_messages where channel_id = $1',
      [this.channelId],
    );
    assert.equal(rows.length, this.sent);
    assert.deepEqual(new Map(rows.map(({ id, seq }) => [id, Number(seq)])), places);
  }

  stop(): void {
    for (const writer of this.#writers) writer.stop();
  }
}

function messages(client: ChatClient): MessageFrame[] {
  return client.frames.flatMap(({ frame }) => (frame.type === 'message' ? [frame] : []));
}
