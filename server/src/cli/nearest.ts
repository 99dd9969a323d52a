/** The hint after a word that was mistyped. */

/**
 * @returns ` Did you mean ...?` with the nearest of the words, or nothing when none is near: more than a third of the
 *     letters would have to change
 */
export function suggest(word: string, known: readonly string[]): string {
  let nearest: { readonly word: string; readonly distance: number } | null = null;
  for (const each of known) {
    const distance = distanceOf(word.toLowerCase(), each.toLowerCase());
    if (distance < (nearest?.distance ?? Number.POSITIVE_INFINITY)) nearest = { word: each, distance };
  }
  if (nearest === null || nearest.distance > Math.ceil(nearest.word.length / 3)) return '';
  return ` Did you mean ${nearest.word}?`;
}

/** Letters to insert, remove, replace, or swap with their neighbour (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      const steps = [(last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (same ? 0 : 1)];
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) steps.push((before[column - 2] ?? 0) + 1);
      current.push(Math.min(...steps));
    }
    before = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
