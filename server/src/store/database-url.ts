/** The servers that DATABASE_URL names. */
export interface DatabaseServers {
  /** A URL for each host, in the order given. */
  readonly urls: readonly string[];
  /** Only a server that takes writes will do. */
  readonly mustWrite: boolean;
}

const TARGET = 'target_session_attrs';
const SCHEME = /^postgres(ql)?:\/\//;
const SEVERAL_HOSTS = /^(postgres(?:ql)?:\/\/(?:[^@/?#]*@)?)([^@/?#]*,[^@/?#]*)([/?#].*)?$/s;

/**
 * Reads a PostgreSQL URL, which may name several hosts as libpq's do: `postgres://user@a:5432,b:5433/chat`. Of several
 * the one that takes writes is wanted, with or without `target_session_attrs=read-write` (or `primary`); of a single one
 * that is asked for by the parameter alone. `URL` and node-postgres know neither.
 *
 * @throws Error when it is no such URL; its message says nothing of the URL, which may hold a password
 */
export function parseDatabaseUrl(text: string): DatabaseServers {
  if (!SCHEME.test(text)) throw new Error('the URL begins with something else');
  const [, start = '', hosts, rest = ''] = SEVERAL_HOSTS.exec(text) ?? [];
  const each = hosts?.split(',');
  if (each?.includes('') === true) throw new Error('a host has no name');
  const urls = (each?.map((host) => start + host + rest) ?? [text]).map((url) => {
    if (!URL.canParse(url)) throw new Error('it is no URL');
    const parsed = new URL(url);
    // What is left of a list that could not be taken apart, as after a password with an @ in it.
    if (parsed.hostname.includes(',')) throw new Error('the hosts cannot be told apart');
    return parsed;
  });
  const target = urls[0]?.searchParams.get(TARGET) ?? null;
  if (target !== null && target !== 'read-write' && target !== 'primary') throw new Error(`${TARGET} is another one`);
  for (const url of urls) if (target !== null) url.searchParams.delete(TARGET);
  return { urls: urls.map(({ href }) => href), mustWrite: target !== null || urls.length > 1 };
}
