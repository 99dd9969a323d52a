/**
 * A token from the page that shows this one in a frame, or has opened it. Only a page of the same origin is listened to:
 * any other could sign the user in as somebody else.
 *
 * This page says `{ type: 'hubbub:token-request' }`, the host answers `{ type: 'hubbub:token', token }`.
 */

const TIMEOUT_MS = 1500;

/** @returns null when there is no such page, or it does not answer in time */
export async function askHostPage(): Promise<string | null> {
  const host = hostPage();
  if (host === null) return null;
  return await new Promise((resolve) => {
    const finish = (token: string | null) => {
      clearTimeout(timer);
      removeEventListener('message', onMessage);
      resolve(token);
    };
    const onMessage = ({ origin, source, data }: MessageEvent<unknown>) => {
      if (origin !== location.origin || source !== host) return;
      const token = tokenIn(data);
      if (token !== null) finish(token);
    };
    const timer = setTimeout(() => finish(null), TIMEOUT_MS);
    addEventListener('message', onMessage);
    host.postMessage({ type: 'hubbub:token-request' }, location.origin);
  });
}

function hostPage(): Window | null {
  if (window.parent !== window) return window.parent;
  return window.opener instanceof Object ? (window.opener as Window) : null;
}

function tokenIn(data: unknown): string | null {
  if (typeof data !== 'object' || data === null || !('type' in data) || !('token' in data)) return null;
  return data.type === 'hubbub:token' && typeof data.token === 'string' ? data.token : null;
}
