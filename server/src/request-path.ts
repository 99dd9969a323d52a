/** The path of a request's URL, without the query, which clients sometimes put secrets in. */
export function requestPath(url: string): string {
  const queryAt = url.indexOf('?');
  return queryAt < 0 ? url : url.slice(0, queryAt);
}
