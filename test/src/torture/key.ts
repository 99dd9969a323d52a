/** One key of two: of a channel and a place in it, or of a client and what is his. */
export function keyOf(a: number, b: number | string): string {
  return `${a}|${b}`;
}
