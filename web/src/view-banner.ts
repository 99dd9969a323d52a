/** Says that the connection is lost, and when it is tried again. */
import type { ConnectionState } from './connection.js';
import { byId, showText } from './dom.js';
import { inSeconds } from './words.js';

export class BannerView {
  readonly #banner = byId('banner', HTMLElement);
  readonly #text = byId('banner-text', HTMLElement);
  readonly #count = byId('banner-count', HTMLElement);
  readonly #button = byId('reconnect', HTMLButtonElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(onRetry: () => void) {
    this.#button.addEventListener('click', onRetry);
  }

  draw(state: ConnectionState): void {
    clearInterval(this.#timer);
    this.#banner.hidden = state.kind === 'online' || state.kind === 'ended';
    this.#button.hidden = state.kind !== 'waiting';
    showText(this.#count, null);
    if (state.kind === 'connecting') showText(this.#text, state.isFirst ? 'Connecting…' : 'Connecting again…');
    if (state.kind !== 'waiting') return;
    showText(this.#text, state.reason);
    // The seconds are not part of the status: a screen reader would read every one of them.
    const count = () => {
      const waitMs = state.retryAtMs - Date.now();
      showText(this.#count, waitMs > 0 ? `Trying again in ${inSeconds(waitMs)}` : 'Trying again…');
    };
    count();
    this.#timer = setInterval(count, 500);
  }

  hide(): void {
    clearInterval(this.#timer);
    this.#banner.hidden = true;
  }
}
