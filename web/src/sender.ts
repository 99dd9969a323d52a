/** Sends this user's messages over a connection that comes and goes, and waits for their acknowledgements. */
import type { ClientFrame } from '@hubbub/protocol/frames.js';
import { type Draft, Outbox } from './outbox.js';
import { newId } from './text.js';
import { canRetry } from './words.js';

/** How long an acknowledgement is waited for, in milliseconds. */
const ACK_WAIT_MS = 15_000;

export interface SenderOptions {
  readonly channelId: string;
  /** @returns false if there is no connection now */
  readonly transmit: (frame: ClientFrame) => boolean;
  /** The list of messages on their way changed. */
  readonly onChange: () => void;
}

export class Sender {
  readonly #options: SenderOptions;
  readonly #outbox = new Outbox();
  readonly #ackTimers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Messages that are not acknowledged, in the order in which they were written. */
  get drafts(): readonly Draft[] {
    return this.#outbox.drafts;
  }

  /** Sends a text, now or as soon as there is a connection. @returns false if too many are waiting already */
  say(content: string): boolean {
    if (this.#outbox.isFull) return false;
    const draft = this.#outbox.add(newId(), content, Date.now());
    this.#send(draft);
    return true;
  }

  /** Sends a failed message again, under the same id: the server will not take it twice. */
  retry(id: string): void {
    const draft = this.#outbox.get(id);
    if (draft !== undefined) this.#send(draft);
  }

  /** Gives a failed message up. @returns its text */
  discard(id: string): string {
    const content = this.#outbox.remove(id)?.content ?? '';
    this.#options.onChange();
    return content;
  }

  /** The server has the message. Nothing happens for an id that is not one of these. */
  acknowledge(id: string): void {
    if (this.#outbox.remove(id) === undefined) return;
    this.#stopTimer(id);
    this.#options.onChange();
  }

  /** The server refused the message with this code. @param problem the same in plain words */
  refuse(id: string, code: string, problem: string): void {
    this.#stopTimer(id);
    if (this.#outbox.fail(id, problem, canRetry(code))) this.#options.onChange();
  }

  /** There is a connection (again): sends what waits for it, and what the lost one may not have brought. */
  connected(): void {
    for (const draft of this.#outbox.drafts) if (draft.state !== 'failed') this.#send(draft);
  }

  /** The connection is lost: what was on its way will be sent again. */
  disconnected(): void {
    for (const draft of this.#outbox.drafts) {
      this.#stopTimer(draft.id);
      if (draft.state === 'sending') this.#outbox.mark(draft.id, 'queued');
    }
    this.#options.onChange();
  }

  /** @returns the texts that were never sent */
  close(): string[] {
    for (const timer of this.#ackTimers.values()) clearTimeout(timer);
    this.#ackTimers.clear();
    return this.#outbox.drafts.filter(({ state }) => state !== 'sending').map(({ content }) => content);
  }

  #send({ id, content }: Draft): void {
    const frame = { type: 'message', channel_id: this.#options.channelId, content, message_id: id } as const;
    const isSent = this.#options.transmit(frame);
    this.#outbox.mark(id, isSent ? 'sending' : 'queued');
    this.#stopTimer(id);
    if (isSent)
      this.#ackTimers.set(
        id,
        setTimeout(() => this.#timedOut(id), ACK_WAIT_MS),
      );
    this.#options.onChange();
  }

  #timedOut(id: string): void {
    this.refuse(id, 'NO_ANSWER', 'The server did not answer.');
  }

  #stopTimer(id: string): void {
    clearTimeout(this.#ackTimers.get(id));
    this.#ackTimers.delete(id);
  }
}
