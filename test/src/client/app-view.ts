/** An application on the SDK whose connection can be hurt, and what it was shown. */
import assert from 'node:assert/strict';
import { type Channel, type Client, type ConnectOptions, connect } from '@hubbub/client';
import type { Message } from '@hubbub/protocol/rest.js';
import type { HubbubProcess } from '../support/hubbub.js';
import type { Pair } from '../support/pair.js';
import { TcpLink } from '../support/tcp-link.js';
import { until } from '../support/wait.js';

export class AppView {
  readonly client: Client;
  readonly link: TcpLink;
  readonly #channelId: string;
  /** Places of all `message` events, as they came. */
  readonly seqs: number[] = [];
  readonly gaps: { readonly afterSeq: number; readonly beforeSeq: number }[] = [];
  /** What is wrong with a list that was shown; empty when nothing is. */
  readonly faults: string[] = [];

  private constructor(client: Client, link: TcpLink, channelId: string) {
    this.client = client;
    this.link = link;
    this.#channelId = channelId;
    this.channel.on('message', ({ message }) => this.seqs.push(message.seq));
    this.channel.on('gap', (gap) => this.gaps.push(gap));
    this.channel.timeline.subscribe(() => this.#look());
  }

  /** Connects a user over a link of his own. */
  static async open(
    pair: Pair,
    at: HubbubProcess,
    username: string,
    channelId: string,
    options: Partial<ConnectOptions> = {},
  ): Promise<AppView> {
    const link = await TcpLink.listen(portOf(at));
    const url = `http://127.0.0.1:${link.port}`;
    const client = connect({ url, getToken: () => pair.token(username), maxMessages: 10_000, ...options });
    return new AppView(client, link, channelId);
  }

  get channel(): Channel {
    return this.client.channel(this.#channelId);
  }

  /** From the next connection on it reaches this instance. */
  moveTo(instance: HubbubProcess): void {
    this.link.target = portOf(instance);
  }

  /**
   * Waits until the list is as the server has it (`stored`), and asserts that nothing that was shown on the way was wrong: places in
   * order, each once, and as events the same that the list has.
   */
  async matches(stored: readonly Message[]): Promise<void> {
    const expected = stored.map(({ id, seq }) => `${seq} ${id}`);
    const shown = () => this.channel.timeline.get().messages.map(({ id, seq }) => `${seq} ${id}`);
    await until(() => shown().length >= expected.length, { timeoutMs: 15_000, message: `${expected.length} messages` });
    assert.deepEqual(shown(), expected);
    assert.deepEqual(this.faults, []);
    if (this.gaps.length === 0) {
      assert.deepEqual(
        this.seqs,
        stored.map(({ seq }) => seq),
      );
    }
  }

  async close(): Promise<void> {
    this.client.close();
    await this.link.close();
  }

  #look(): void {
    const { messages, outgoing } = this.channel.timeline.get();
    const ids = new Set([...messages, ...outgoing].map(({ id }) => id));
    if (ids.size !== messages.length + outgoing.length) this.faults.push('a message is in the list twice');
    for (const [index, { seq }] of messages.entries()) {
      const before = messages[index - 1]?.seq ?? 0;
      if (seq <= before) this.faults.push(`${seq} comes after ${before}`);
    }
  }
}

/** All messages of a channel, oldest first, as REST gives them. */
export async function storedMessages(pair: Pair, at: HubbubProcess, username: string, channelId: string) {
  const reader = connect({ url: at.url, getToken: () => pair.token(username) });
  try {
    const pages: (readonly Message[])[] = [];
    for await (const page of reader.channel(channelId).history({ limit: 100 })) pages.unshift(page);
    return pages.flat();
  } finally {
    reader.close();
  }
}

export async function createChannel(pair: Pair, username: string): Promise<string> {
  const client = connect({ url: pair.at(0).url, getToken: () => pair.token(username) });
  try {
    return (await client.rest.createChannel({ name: 'a channel' })).id;
  } finally {
    client.close();
  }
}

function portOf({ url }: HubbubProcess): number {
  return Number(new URL(url).port);
}
