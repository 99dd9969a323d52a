/**
 * `<hubbub-chat server channel token theme>` shows one channel in any page.
 *
 * - `server`: address of Hubbub; absent: where the script came from
 * - `channel`: id of the channel
 * - `token`: access token of the user (also a property, which does not show in the page's source)
 * - `theme`: `light` or `dark`; absent: as the system has it
 *
 * Before the token lapses, and when the server refuses it, a `tokenneeded` event is sent: set a new `token` then.
 */
import { createElement } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import base from '../styles/base.css?inline';
import chat from '../styles/chat.css?inline';
import embed from '../styles/embed.css?inline';
import tokens from '../styles/tokens.css?inline';
import { EmbeddedChat } from './embedded-chat.js';

let defaultServer = '';

/** @param url with a slash at its end */
export function setDefaultServer(url: string): void {
  defaultServer = url;
}

export class HubbubChat extends HTMLElement {
  static readonly observedAttributes = ['server', 'channel', 'token'];
  readonly #place: HTMLElement;
  #root: Root | null = null;
  #token: string | null = null;
  /** Waits for another token. */
  #onToken: ((token: string) => void) | null = null;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync([tokens, base, chat, embed].join('\n'));
    shadow.adoptedStyleSheets = [sheet];
    this.#place = document.createElement('div');
    this.#place.className = 'embed';
    shadow.append(this.#place);
  }

  get token(): string | null {
    return this.#token;
  }

  set token(token: string | null) {
    this.#token = token;
    if (token !== null) this.#onToken?.(token);
    this.#render();
  }

  connectedCallback(): void {
    this.#render();
  }

  disconnectedCallback(): void {
    // Where the page moves it, it is back at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#root?.unmount();
      this.#root = null;
    });
  }

  attributeChangedCallback(name: string, _before: string | null, value: string | null): void {
    if (name === 'token') this.token = value;
    else this.#render();
  }

  readonly #getToken = async ({ previous, signal }: { previous: string | null; signal: AbortSignal }) => {
    if (this.#token !== null && this.#token !== previous) return this.#token;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#onToken = resolve;
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    this.dispatchEvent(new CustomEvent('tokenneeded', { bubbles: true, composed: true }));
    return await promise;
  };

  #render(): void {
    if (!this.isConnected) return;
    this.#root ??= createRoot(this.#place);
    const server = new URL(`${this.getAttribute('server') ?? defaultServer}/`.replace(/\/+$/, '/'), location.href).href;
    const channelId = this.getAttribute('channel');
    this.#root.render(createElement(EmbeddedChat, { key: server, server, channelId, getToken: this.#getToken }));
  }
}
