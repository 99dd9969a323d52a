/** Signing in: by name in development mode, else by pasting a token. */
import { ApiError, requestDevToken } from './api.js';
import { byId, showText } from './dom.js';
import { Session, type SessionStore } from './session.js';
import { cleanToken } from './token.js';
import { inPlainWords, type Problem } from './words.js';

export class SignInView {
  readonly #welcome = byId('welcome', HTMLElement);
  readonly #reason = byId('sign-in-reason', HTMLElement);
  readonly #nameForm = byId('name-form', HTMLFormElement);
  readonly #name = byId('name', HTMLInputElement);
  readonly #nameError = byId('name-error', HTMLElement);
  readonly #tokenForm = byId('token-form', HTMLFormElement);
  readonly #token = byId('token', HTMLTextAreaElement);
  readonly #tokenError = byId('token-error', HTMLElement);
  readonly #store: SessionStore;
  readonly #onSignedIn: (session: Session) => void;
  #isBusy = false;

  constructor(store: SessionStore, onSignedIn: (session: Session) => void) {
    this.#store = store;
    this.#onSignedIn = onSignedIn;
    this.#nameForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#signInByName();
    });
    this.#tokenForm.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#signInByToken();
    });
    byId('use-token', HTMLButtonElement).addEventListener('click', () => this.#choose('token'));
    byId('use-name', HTMLButtonElement).addEventListener('click', () => this.#choose('name'));
  }

  /** @param reason why the user is asked to sign in again; null: he has not been signed in */
  show(reason: string | null): void {
    document.title = 'Sign in - Hubbub';
    showText(this.#reason, reason);
    this.#token.value = '';
    this.#fail(this.#nameError, this.#name, '');
    this.#fail(this.#tokenError, this.#token, '');
    this.#welcome.hidden = false;
    (this.#nameForm.hidden ? this.#token : this.#name).focus();
  }

  hide(): void {
    this.#welcome.hidden = true;
  }

  #choose(way: 'name' | 'token'): void {
    this.#nameForm.hidden = way !== 'name';
    this.#tokenForm.hidden = way !== 'token';
    (way === 'name' ? this.#name : this.#token).focus();
  }

  async #signInByName(): Promise<void> {
    const name = this.#name.value.trim();
    if (name === '') return this.#fail(this.#nameError, this.#name, 'Type a name first.');
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      const { token } = await requestDevToken(name);
      const session = Session.begin(this.#store, token, name);
      if (session === null) throw new ApiError(0, 'BAD_TOKEN', 'The server gave a token that cannot be read');
      this.#onSignedIn(session);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.#choose('token');
        this.#fail(
          this.#tokenError,
          this.#token,
          'This server asks for an access token: names alone do not count here.',
        );
      } else {
        this.#fail(this.#nameError, this.#name, describe(error));
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #signInByToken(): void {
    const token = cleanToken(this.#token.value);
    const session = token === null ? null : Session.begin(this.#store, token, null);
    if (session === null) {
      this.#fail(this.#tokenError, this.#token, 'This is not a token: a JWT is three parts joined by dots.');
      return;
    }
    // Whether the server accepts it shows with the first request.
    this.#onSignedIn(session);
  }

  #fail(place: HTMLElement, input: HTMLInputElement | HTMLTextAreaElement, text: string): void {
    place.textContent = text;
    input.setAttribute('aria-invalid', String(text !== ''));
    if (text !== '') input.focus();
  }
}

function describe(error: unknown): string {
  if (!(error instanceof ApiError)) throw error;
  const detail = error.details[0];
  return detail === undefined
    ? inPlainWords(error satisfies Problem)
    : `The name ${detail.message.replace('NOT', 'not')}.`;
}
