/**
 * Whether a browser's `Origin` may use this server.
 *
 * @param origin value of the header
 * @param host the request's `Host`, for the server's own page; null: unknown
 * @param allowed entries `https://app.example.com`, `*.example.com` (that host and every subdomain), a scheme before
 *     either, or `*`
 */
export function isOriginAllowed(origin: string, host: string | null, allowed: readonly string[]): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.origin === 'null') return false;
  if (host !== null && url.host === host.toLowerCase()) return true;
  return allowed.some((entry) => matches(url, entry));
}

function matches(url: URL, entry: string): boolean {
  if (entry === '*') return true;
  const wildcard = /^(https?:\/\/)?\*\.(.+)$/.exec(entry);
  if (wildcard === null) return url.origin === new URL(entry).origin;
  const [, scheme = '', domain = ''] = wildcard;
  if (scheme !== '' && scheme !== `${url.protocol}//`) return false;
  // Compared on label borders, so that fakeexample.com is no subdomain of example.com.
  const actual = domain.includes(':') ? url.host : url.hostname;
  return actual === domain.toLowerCase() || actual.endsWith(`.${domain.toLowerCase()}`);
}
