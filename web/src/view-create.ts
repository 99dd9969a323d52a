/** The dialog that creates a channel. */
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Api, ApiError } from './api.js';
import { byId } from './dom.js';
import { inPlainWords, inSeconds } from './words.js';

export class CreateView {
  readonly #dialog = byId('create-dialog', HTMLDialogElement);
  readonly #form = byId('create-form', HTMLFormElement);
  readonly #name = byId('create-name', HTMLInputElement);
  readonly #description = byId('create-description', HTMLTextAreaElement);
  readonly #private = byId('create-private', HTMLInputElement);
  readonly #submit = byId('create-submit', HTMLButtonElement);
  readonly #error = byId('create-error', HTMLElement);
  readonly #onCreated: (channel: Channel) => void;
  #api: Api | null = null;

  constructor(onCreated: (channel: Channel) => void) {
    this.#onCreated = onCreated;
    byId('create-cancel', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#create();
    });
  }

  open(api: Api): void {
    this.#api = api;
    this.#form.reset();
    this.#showErrors(null);
    this.#dialog.showModal();
    this.#name.focus();
  }

  close(): void {
    this.#dialog.close();
  }

  async #create(): Promise<void> {
    const name = this.#name.value.trim();
    if (name === '') return this.#failField(this.#name, 'Give the channel a name.');
    if (this.#api === null || this.#submit.disabled) return;
    const description = this.#description.value.trim();
    this.#submit.disabled = true;
    this.#showErrors(null);
    try {
      const channel = await this.#api.createChannel({
        name,
        ...(description === '' ? {} : { description }),
        channel_type: this.#private.checked ? 'private' : 'public',
      });
      this.#dialog.close();
      this.#onCreated(channel);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#showErrors(error);
    } finally {
      this.#submit.disabled = false;
    }
  }

  #showErrors(error: ApiError | null): void {
    for (const input of [this.#name, this.#description]) this.#failField(input, '');
    this.#error.textContent = '';
    if (error === null) return;
    const strays: string[] = [];
    for (const { field, message } of error.details) {
      // Fields are named by path: `name`, `/name` or `body/name`.
      const input = [this.#name, this.#description].find(({ name }) => field.split(/[/.]/).at(-1) === name);
      if (input === undefined) strays.push(message);
      else this.#failField(input, `It ${message.replace('NOT', 'not')}.`);
    }
    if (error.details.length > 0 && strays.length === 0) return;
    if (error.code === 'RATE_LIMITED') {
      const wait = error.retryAfterMs === null ? 'a moment' : inSeconds(error.retryAfterMs);
      this.#error.textContent = `You have created many channels just now. Wait ${wait} before the next one.`;
    } else {
      this.#error.textContent = [inPlainWords(error), ...strays].join(' ');
    }
  }

  #failField(input: HTMLInputElement | HTMLTextAreaElement, text: string): void {
    byId(`${input.id}-error`, HTMLElement).textContent = text;
    input.setAttribute('aria-invalid', String(text !== ''));
    if (text !== '') input.focus();
  }
}
