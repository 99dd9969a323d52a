import { Dialog } from '../ui/dialog.js';
import type { TokenQuestion } from './account.js';
import { TokenForm } from './token-form.js';

/** Asks for a fresh token where the user is, so that nothing is lost. */
export function RenewDialog({ userId, answer, refuse }: TokenQuestion) {
  return (
    <Dialog title="Your access token is about to end" onClose={refuse}>
      <p className="hint">Paste a new one for the same user to go on where you are.</p>
      <TokenForm action="Go on" userId={userId} onToken={answer} />
      <button className="button button-quiet button-wide" type="button" onClick={refuse}>
        Sign out
      </button>
    </Dialog>
  );
}
