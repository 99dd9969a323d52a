import { Mark } from './ui/icon.js';

/** In place of everything, when the server does not even say how to sign in. */
export function Unreachable({ onRetry }: { readonly onRetry: () => void }) {
  return (
    <main className="splash">
      <Mark />
      <p role="status">The server cannot be reached.</p>
      <button className="button" type="button" onClick={onRetry}>
        Try again
      </button>
    </main>
  );
}
