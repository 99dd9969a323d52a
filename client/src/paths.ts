/** Paths of routes. Ids are encoded, so that none of them leads elsewhere. */

export function channelPath(channelId: string, rest = '', userId?: string): string {
  const user = userId === undefined ? '' : `/${encodeURIComponent(userId)}`;
  return `/channels/${encodeURIComponent(channelId)}${rest}${user}`;
}

export function userPath(userId: string, rest: string): string {
  return `/users/${encodeURIComponent(userId)}${rest}`;
}
