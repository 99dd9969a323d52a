/** Asks for a new access token in the middle of a conversation, without leaving it. */
import { byId } from './dom.js';
import { cleanToken, readIdentity } from './token.js';

/** @param userId the token must name this user; resolves to null if he signs out instead */
export function askForToken(userId: string): Promise<string | null> {
  const dialog = byId('renew-dialog', HTMLDialogElement);
  const form = byId('renew-form', HTMLFormElement);
  const input = byId('renew-token', HTMLTextAreaElement);
  const error = byId('renew-error', HTMLElement);
  const done = new AbortController();
  input.value = '';
  error.textContent = '';
  return new Promise<string | null>((resolve) => {
    const finish = (token: string | null) => {
      done.abort();
      dialog.close();
      resolve(token);
    };
    const submit = (event: Event) => {
      event.preventDefault();
      const token = cleanToken(input.value);
      const identity = token === null ? null : readIdentity(token);
      if (identity?.userId === userId) return finish(token);
      error.textContent =
        identity === null ? 'This is not a token that can be read.' : 'This token names another user. Sign out first.';
      input.focus();
    };
    const { signal } = done;
    form.addEventListener('submit', submit, { signal });
    byId('renew-cancel', HTMLButtonElement).addEventListener('click', () => finish(null), { signal });
    // Escape must not close it: without a token nothing works.
    dialog.addEventListener('cancel', (event) => event.preventDefault(), { signal });
    dialog.showModal();
  });
}
