import { setTimeout as delay } from 'node:timers/promises';
import { contentOf } from './content.js';
import { clockMs } from './events.js';
import type { OutMessage } from './outbox.js';
import type { Random } from './random.js';
import type { TortureClient } from './torture-client.js';

const TIMEOUT_MS = 9000;
const RETRY_MS = 700;

interface Answer {
  readonly status: number;
  readonly body: { readonly seq?: number; readonly code?: string };
}

/** What a client does over REST, at a random instance each time. */
export class RestCalls {
  readonly #client: TortureClient;
  readonly #random: Random;
  #running = 0;

  constructor(client: TortureClient, random: Random) {
    this.#client = client;
    this.#random = random;
  }

  /** Calls under way. */
  get running(): number {
    return this.#running;
  }

  /** Posts a message, again and again until it was answered for good, be it over the WebSocket. */
  async post(message: OutMessage): Promise<void> {
    const { outbox, world, plan } = this.#client;
    const { ch, id, size } = message;
    this.#running++;
    while (outbox.get(id) !== undefined) {
      outbox.sending(message);
      this.#client.sent++;
      world.log.write({ k: 'sent', t: clockMs(), c: plan.c, conn: null, ch, id, size });
      const path = `/api/v1/chat/channels/${world.channelIds[ch]}/messages`;
      const answer = await this.call('POST', path, { content: contentOf(id, size), message_id: id });
      if (answer !== null && answer.status < 300) {
        const { seq = 0 } = answer.body;
        world.log.write({ k: 'posted', t: clockMs(), c: plan.c, ch, id, seq, status: answer.status });
        this.#client.settle(id);
        break;
      }
      const code = answer?.body.code ?? '';
      world.log.write({ k: 'err', t: clockMs(), c: plan.c, conn: null, ch, id, code });
      if (answer !== null && answer.status < 500) outbox.settle(id);
      else await delay(RETRY_MS * (0.5 + this.#random.next()));
    }
    this.#running--;
  }

  /** Deletes the message that was answered last; tried once. */
  async erase(): Promise<void> {
    const id = this.#client.outbox.lastSettled;
    if (id !== null) await this.#erase(id);
  }

  /** Changes the channel that the client owns, so that its sequence has something other than messages; tried once. */
  async rename(): Promise<void> {
    const { world, plan } = this.#client;
    if (plan.owns === null) return;
    this.#running++;
    const path = `/api/v1/chat/channels/${world.channelIds[plan.owns]}`;
    await this.call('PATCH', path, { description: `changed at ${clockMs()}` });
    this.#running--;
  }

  /** Deletes a message of someone else; tried once. */
  async eraseForeign(): Promise<void> {
    const { foreignId } = this.#client;
    if (foreignId !== null) await this.#erase(foreignId);
  }

  async #erase(id: string): Promise<void> {
    const { world, plan } = this.#client;
    this.#running++;
    const answer = await this.call('DELETE', `/api/v1/chat/messages/${id}`, {});
    if (answer !== null) world.log.write({ k: 'erased', t: clockMs(), c: plan.c, id, status: answer.status });
    this.#running--;
  }

  /** One call at a random instance. @returns null when no answer came */
  async call(method: string, path: string, body: object): Promise<Answer | null> {
    const { world, plan } = this.#client;
    try {
      const response = await fetch(new URL(path, this.#random.pick(world.urls)), {
        method,
        headers: { authorization: `Bearer ${plan.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const text = await response.text();
      const parsed: Answer['body'] = JSON.parse(text);
      if (response.status === 500) world.log.write({ k: 'odd', t: clockMs(), c: plan.c, text: `REST 500: ${text}` });
      return { status: response.status, body: parsed };
    } catch {
      return null;
    }
  }
}
