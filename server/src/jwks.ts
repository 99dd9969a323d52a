import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWTVerifyGetKey } from 'jose';

const TIMEOUT_MS = 5000;
const MAX_BYTES = 256 * 1024;

/**
 * The keys of `JWT_JWKS_URL`. Only this URL is ever asked, whatever a token names in `jku` or `x5u`; redirects are not
 * followed, and an answer that takes longer than 5 s or is larger than 256 KiB counts as none.
 */
export function remoteKeys(url: URL): JWTVerifyGetKey {
  return createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS, [customFetch]: boundedFetch });
}

/** Asks for the key set once, as {@link remoteKeys} does. @throws when nobody answers within the bounds of time and size */
export function fetchKeySet(url: URL): Promise<Response> {
  const options = { headers: new Headers(), method: 'GET', redirect: 'manual' } as const;
  return boundedFetch(url.href, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
}

const boundedFetch: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    // Leaving the loop ends the transfer.
    if (bytes > MAX_BYTES) throw new Error(`The key set is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  const { status, headers } = response;
  const hasBody = status !== 204 && status !== 304;
  return new Response(hasBody ? Buffer.concat(chunks) : null, { status, headers });
};
