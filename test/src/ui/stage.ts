/** Hubbub in one process, and a browser beside it. */
import { after, afterEach, before } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Pair, type PairKind, type PairOptions, startPair } from '../support/pair.js';
import { type Api, api } from '../support/rest.js';
import type { Claims } from '../support/tokens.js';
import { Desk, type Window, type WindowOptions } from './browser.js';

const V1 = '/api/v1/chat';

export class UiStage {
  #pair: Pair | null = null;
  #desk: Desk | null = null;

  get pair(): Pair {
    if (this.#pair === null) throw new Error('The server is not started');
    return this.#pair;
  }

  get url(): string {
    return this.pair.at(0).url;
  }

  get desk(): Desk {
    if (this.#desk === null) throw new Error('The browser is not started');
    return this.#desk;
  }

  async start(kind: PairKind, options: PairOptions): Promise<void> {
    this.#pair = await startPair(kind, options);
    this.#desk = await Desk.open();
  }

  async stop(): Promise<void> {
    await this.#desk?.close();
    await this.#pair?.stop();
  }

  /** REST as the user of this name. */
  async as(name: string, claims: Claims = {}): Promise<Api> {
    return api(this.url, await this.pair.token(name, claims));
  }

  /** A new channel of this user. */
  async channel(owner: string, body: object = {}): Promise<Channel> {
    const user = await this.as(owner);
    return (await user.post<Channel>(`${V1}/channels`, { name: 'general', ...body }, { expect: 201 })).body;
  }

  /** A window in which this user is signed in, in development mode, and has a channel open. */
  async visit(name: string, channelId: string, options: WindowOptions = {}): Promise<Window> {
    const window = await this.desk.window(this.url, options);
    await window.go(`#/c/${channelId}`);
    await window.signIn(name);
    return window;
  }
}

/** Starts both before the tests of a file, and stops them after. */
export function uiStage(kind: PairKind, options: PairOptions = {}): UiStage {
  const stage = new UiStage();
  before(() => stage.start(kind, options));
  afterEach(() => stage.desk.clear());
  after(() => stage.stop());
  return stage;
}
