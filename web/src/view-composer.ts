/** Where messages are written. */
import { byId, showText } from './dom.js';
import { countCharacters } from './text.js';
import { inSeconds } from './words.js';

export interface ComposerOptions {
  /** @returns whether the text was taken */
  readonly onSay: (text: string) => boolean;
  readonly onKey: () => void;
  /** The field may have grown or shrunk. */
  readonly onResized: () => void;
}

/** The counter shows when fewer characters than this are left. */
const COUNT_FROM = 100;
/** Highest the field grows, in pixels; then it scrolls. */
const MAX_HEIGHT_PX = 200;

export class ComposerView {
  readonly #form = byId('composer', HTMLFormElement);
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #label = byId('text-label', HTMLElement);
  readonly #send = byId('send', HTMLButtonElement);
  readonly #counter = byId('counter', HTMLElement);
  readonly #hint = byId('composer-hint', HTMLElement);
  /** The longest message, in Unicode code points. */
  readonly #maxChars = Number(this.#text.dataset.maxChars);
  readonly #options: ComposerOptions;
  readonly #hintText = this.#hint.textContent ?? '';
  #mute: string | null = null;
  #pausedUntilMs = 0;
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ComposerOptions) {
    this.#options = options;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter chooses a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => {
      this.#changed();
      if (this.#text.value.trim() !== '') this.#options.onKey();
    });
  }

  get text(): string {
    return this.#text.value;
  }

  set text(text: string) {
    this.#text.value = text;
    this.#changed();
  }

  setChannelName(name: string): void {
    this.#label.textContent = `Message to ${name}`;
    this.#text.placeholder = `Message ${name}`;
  }

  /** @param mute why nothing can be written; null: it can */
  setMute(mute: string | null): void {
    this.#mute = mute;
    this.#text.disabled = mute !== null;
    this.#changed();
  }

  /** @param untilMs until when sending would be refused for its rate, in milliseconds since the epoch */
  setPause(untilMs: number): void {
    this.#pausedUntilMs = untilMs;
    this.#changed();
  }

  /** On a touch screen this does nothing: the keyboard would cover what the user came to read. */
  focus(): void {
    if (!matchMedia('(pointer: coarse)').matches) this.#text.focus();
  }

  #submit(): void {
    const text = this.#text.value.trim();
    if (text === '' || this.#send.disabled) return;
    if (this.#options.onSay(text)) this.text = '';
    this.#text.focus();
  }

  #changed(): void {
    this.#text.style.height = 'auto';
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, MAX_HEIGHT_PX)}px`;
    this.#options.onResized();

    const left = this.#maxChars - countCharacters(this.#text.value);
    const isNear = left < COUNT_FROM;
    const tooLong = left < 0 ? `${-left} too many` : `${left} left`;
    showText(this.#counter, isNear ? tooLong : null);
    this.#counter.classList.toggle('is-over', left < 0);
    this.#text.setAttribute('aria-invalid', String(left < 0));

    clearTimeout(this.#pauseTimer);
    const pauseMs = this.#pausedUntilMs - Date.now();
    if (pauseMs > 0) this.#pauseTimer = setTimeout(() => this.#changed(), Math.min(pauseMs, 1000));
    const pause = pauseMs > 0 ? `You can send again in ${inSeconds(pauseMs)}` : null;
    this.#hint.textContent = this.#mute ?? pause ?? this.#hintText;
    this.#hint.classList.toggle('is-warning', this.#mute !== null || pause !== null);

    this.#send.disabled = this.#mute !== null || pause !== null || left < 0 || this.#text.value.trim() === '';
  }
}
