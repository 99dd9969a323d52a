/** The list of channels, with search. */
import type { Channel } from '@hubbub/protocol/rest.js';
import type { Api } from './api.js';
import { byId, h, icon, showText } from './dom.js';
import { inPlainWords, type Problem } from './words.js';

const PAGE_SIZE = 50;
/** After the last key in the search field, how long until the server is asked, in milliseconds. */
const SEARCH_WAIT_MS = 200;
/** How often the list is read again while the page is seen, in milliseconds. */
const REFRESH_MS = 60_000;

export class ChannelsView {
  readonly #list = byId('channel-list', HTMLUListElement);
  readonly #note = byId('channels-note', HTMLElement);
  readonly #more = byId('more-channels', HTMLButtonElement);
  readonly #search = byId('search', HTMLInputElement);
  #api: Api | null = null;
  #channels: Channel[] = [];
  #activeId: string | null = null;
  #request = 0;
  #searchTimer: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    this.#search.addEventListener('input', () => {
      clearTimeout(this.#searchTimer);
      this.#searchTimer = setTimeout(() => this.#load(0, PAGE_SIZE), SEARCH_WAIT_MS);
    });
    this.#more.addEventListener('click', () => this.#load(this.#channels.length, PAGE_SIZE));
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.refresh();
    });
  }

  /** Begins for a user. */
  start(api: Api): void {
    this.#api = api;
    this.#load(0, PAGE_SIZE);
    this.#refreshTimer = setInterval(() => {
      if (document.visibilityState === 'visible') this.refresh();
    }, REFRESH_MS);
  }

  stop(): void {
    this.#api = null;
    this.#request += 1;
    clearTimeout(this.#searchTimer);
    clearInterval(this.#refreshTimer);
    this.#search.value = '';
    this.#channels = [];
    this.#list.replaceChildren();
  }

  /** Reads again as much as is shown. */
  refresh(): void {
    // The server gives 100 at most at a time; whoever has paged further keeps what he has.
    if (this.#channels.length <= 100) this.#load(0, Math.max(PAGE_SIZE, this.#channels.length));
  }

  /** Marks the open channel; null: none is open. */
  setActive(channelId: string | null): void {
    this.#activeId = channelId;
    this.#draw();
  }

  /** A channel that is listed has changed. */
  update(channel: Channel): void {
    this.#channels = this.#channels.map((listed) => (listed.id === channel.id ? channel : listed));
    this.#draw();
  }

  async #load(offset: number, limit: number): Promise<void> {
    if (this.#api === null) return;
    this.#request += 1;
    const request = this.#request;
    const query = this.#search.value.trim();
    try {
      const answer = await this.#api.listChannels(query, offset, limit);
      if (request !== this.#request) return;
      // A channel that was created meanwhile moves the others by one: none may be listed twice.
      const kept = this.#channels.slice(0, offset);
      const keptIds = new Set(kept.map(({ id }) => id));
      this.#channels = [...kept, ...answer.channels.filter(({ id }) => !keptIds.has(id))];
      const nothing = query === '' ? 'No channels yet. Create the first one.' : 'No channel has this in its name.';
      showText(this.#note, this.#channels.length === 0 ? nothing : null);
      this.#more.hidden = offset + answer.channels.length >= answer.total;
      this.#draw();
    } catch (error) {
      if (request === this.#request) showText(this.#note, inPlainWords(error as Problem));
    }
  }

  #draw(): void {
    const focusedId = document.activeElement?.closest('#channel-list a')?.getAttribute('href');
    const items = this.#channels.map((channel) => h('li', {}, this.#link(channel)));
    this.#list.replaceChildren(...items);
    if (focusedId) this.#list.querySelector<HTMLElement>(`a[href="${CSS.escape(focusedId)}"]`)?.focus();
  }

  #link(channel: Channel): HTMLElement {
    const isActive = channel.id === this.#activeId;
    const isPrivate = channel.channel_type === 'private';
    const link = h(
      'a',
      { class: 'channel', href: `#${channel.id}`, 'aria-current': isActive ? 'page' : undefined },
      icon(isPrivate ? 'lock' : 'hash', 'icon icon-small'),
      h('bdi', { class: 'channel-name' }, channel.name),
    );
    if (isPrivate) link.append(h('span', { class: 'visually-hidden' }, ', private'));
    if (channel.online_count > 0) {
      const label = h('span', { class: 'visually-hidden' }, ' online');
      link.append(h('span', { class: 'count' }, String(channel.online_count), label));
    }
    return link;
  }
}
