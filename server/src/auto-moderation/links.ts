/*
 * Links in a text: what has a scheme (`https://…`), and what clients make a link of by themselves (`www.…`, `example.com`).
 *
 * Two searches for fixed signs, no regular expression over the whole text: the time grows with its length and no faster.
 */

/** Links of one message that are looked at; who sends more is stopped by the rule as by a forbidden one. */
const MAX_LINKS = 20;
/** What a sentence puts behind a link; inside of it the same signs belong to it. */
const TRAILING_SIGNS = /[)\].,;:!?'*_~]+$/;
// Full stops of other scripts are dots to a browser.
const OTHER_DOTS = /[。．｡]/g;
const HOST_CHARACTER = /[\p{L}\p{N}\p{M}-]/u;
const WITHOUT_WIDTH = /[\u200b-\u200d\u2060\ufeff\u00ad]/g;

/** What a character below 128 can be, as bits; white space beyond ends a link, too. */
const SCHEME = 1;
/** Ends the part of a URL that names the host; a backslash counts as a slash, as browsers have it. */
const AUTHORITY_END = 2;
const LINK_END = 4;
const HOST = 8;
const CLASSES = Uint8Array.from({ length: 128 }, (_, unit) => {
  const character = String.fromCharCode(unit);
  return (
    (/[a-z0-9+.-]/i.test(character) ? SCHEME : 0) |
    (/[/\\?#\s"<>`{}|^]/.test(character) ? AUTHORITY_END : 0) |
    (/[\s"<>]/.test(character) ? LINK_END : 0) |
    (/[a-z0-9.-]/i.test(character) ? HOST : 0)
  );
});

/** Ends of names that are hardly ever anything but a host's. */
const COMMON_ENDS = new Set(
  (
    'com org net edu gov mil info biz xyz app dev shop store site online website club icu vip tech cloud click blog wiki ' +
    'рф онлайн сайт 中国 中國 한국'
  ).split(' '),
);
/** Country codes, without those that end a sentence or a file's name more often (`it`, `me`, `py`, `rs`). */
const COUNTRY_ENDS = new Set(
  (
    'ac ad ae af ag ai al ao aq ar aw ax az ba bb bd bf bg bh bi bj bm bn bo br bs bt bw bz ca cd cf cg ch ci ck cl cm cn co ' +
    'cr cu cv cw cx cy cz de dj dk dm dz ec ee eg es et eu fi fj fk fm fo fr ga gd gf gg gh gi gl gm gn gp gq gr gs gt ' +
    'gu gw gy hk hm hn hr ht hu id ie il io iq ir je jm jo jp ke kg kh ki km kn kp kr kw ky kz lb lc li lk lr ls lt lu ' +
    'lv ly mc mg mh mk mm mn mo mp mq mr mt mu mv mw mx mz na nc ne nf ng ni nl np nr nu nz om pa pe pf pg ph pk pm pn ' +
    'pr pt pw qa re ro ru rw sa sb sc sd se sg si sk sl sm sn sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn tr ' +
    'tt tv tw tz ua ug uk uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw'
  ).split(' '),
);
/** Country codes that are words: a host's end only behind two labels more. */
const WORD_ENDS = new Set('am as at be by do in is it me my no so to us'.split(' '));
const PLAIN_HOST = /^(?!.*xn--)[a-z0-9][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)*\.[a-z][a-z-]*$/i;
const SOME_END = /^[\p{L}]{2,24}$/u;

export interface LinkRule {
  /** Null: none at all. */
  readonly hosts: ReadonlySet<string> | null;
}

/** The canonical form of a host of an allow-list; null: it is none. */
export function canonicalHost(text: string): string | null {
  const host = /^[\p{L}\p{N}\p{M}.-]+$/u.test(text) ? hostOf(text) : null;
  return host?.includes('.') === true ? host : null;
}

/**
 * Whether the text has a link that the rule does not allow.
 *
 * @param mayHide false: it has no character without width and no full stop of another script, as nearly all texts
 */
export function hasForbiddenLink(text: string, rule: LinkRule, mayHide = true): boolean {
  let links = 0;
  for (const host of hostsIn(text, mayHide)) {
    if (rule.hosts === null || ++links > MAX_LINKS || host === null || !isListed(host, rule.hosts)) return true;
  }
  return false;
}

/** A host and its parents: `a.example.com` is of `example.com`, and `fakeexample.com` is not. */
function isListed(host: string, hosts: ReadonlySet<string>): boolean {
  for (let rest = host; ; ) {
    if (hosts.has(rest)) return true;
    const dot = rest.indexOf('.');
    if (dot < 0) return false;
    rest = rest.slice(dot + 1);
  }
}

/** The hosts of the links in a text, canonical; null for one that cannot be read. */
export function hostsIn(given: string, mayHide = true): (string | null)[] {
  const hosts: (string | null)[] = [];
  // Dots are one unit before and after, so that places are the same.
  const text = mayHide ? given.replace(WITHOUT_WIDTH, '').replace(OTHER_DOTS, '.') : given;
  let from = 0;
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', from)) {
    if (at === 0 || !isOf(SCHEME, text, at - 1)) {
      addBareHosts(hosts, text, from, at + 3);
      from = at + 3;
      continue;
    }
    let scheme = at - 1;
    while (scheme > from && isOf(SCHEME, text, scheme - 1)) scheme--;
    addBareHosts(hosts, text, from, scheme);
    let end = at + 3;
    // Browsers take any number of slashes behind the scheme.
    while (text.charAt(end) === '/' || text.charAt(end) === '\\') end++;
    const authority = end;
    while (end < text.length && !isOf(AUTHORITY_END, text, end)) end++;
    const named = text.slice(authority, end);
    hosts.push(hostOf(named.startsWith('[') ? named : named.replace(TRAILING_SIGNS, '')));
    // What follows in the path may name other hosts, which nobody is led to.
    while (end < text.length && !isOf(LINK_END, text, end)) end++;
    from = end;
  }
  addBareHosts(hosts, text, from, text.length);
  return hosts;
}

/** Those without a scheme in a part of the text. */
function addBareHosts(hosts: (string | null)[], text: string, begin: number, end: number): void {
  for (let at = text.indexOf('.', begin); at >= 0 && at < end; at = text.indexOf('.', at)) {
    let from = at;
    while (from > begin && isHostUnit(text, from - 1)) from--;
    while (at < end && isHostUnit(text, at)) at++;
    // A mail address; and what stands behind a slash is a path or a file.
    if (from > begin) {
      const before = text.charAt(from - 1);
      if (before === '@' || (before === '/' && (from - 1 === begin || text.charAt(from - 2) !== '/'))) continue;
    }
    let to = at;
    while (from < to && isEdge(text.charCodeAt(from))) from++;
    while (from < to && isEdge(text.charCodeAt(to - 1))) to--;
    if (from === to) continue;
    const name = text.slice(from, to);
    if (looksLikeHost(name, at < end ? text.charAt(at) : '')) hosts.push(hostOf(name));
  }
}

/** A dot or hyphen, which no name begins or ends with. */
function isEdge(unit: number): boolean {
  return unit === 0x2e || unit === 0x2d;
}

/** @param next the character behind it */
function looksLikeHost(name: string, next: string): boolean {
  const lower = name.toLowerCase();
  const dot = lower.lastIndexOf('.');
  if (dot < 0) return false;
  const end = lower.slice(dot + 1);
  const isNamed = lower.startsWith('www.') || end.startsWith('xn--') || COMMON_ENDS.has(end) || COUNTRY_ENDS.has(end);
  if (!isNamed && next !== '/' && !WORD_ENDS.has(end)) return false;
  const labels = lower.split('.');
  if (labels.some((label) => label === '' || label.length > 63)) return false;
  if (isNamed) return true;
  if (next === '/') return SOME_END.test(end);
  return labels.length > 2 && labels.every((label) => label.length > 1);
}

function hostOf(authority: string): string | null {
  // What nearly all links are, and what a browser does nothing to; a last label of digits would be an address.
  if (PLAIN_HOST.test(authority)) return authority.toLowerCase();
  try {
    const { hostname } = new URL(`http://${authority}`);
    return hostname.replace(/\.+$/, '').replace(/^\.+/, '');
  } catch {
    return null;
  }
}

function isHostUnit(text: string, index: number): boolean {
  if (text.charCodeAt(index) < 128) return isOf(HOST, text, index);
  return HOST_CHARACTER.test(text.charAt(index));
}

function isOf(kind: number, text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  if (unit < 128) return ((CLASSES[unit] ?? 0) & kind) !== 0;
  return (kind & (AUTHORITY_END | LINK_END)) !== 0 && /\s/.test(text.charAt(index));
}
