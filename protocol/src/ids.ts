/**
 * Identifiers on the wire are UUIDs (RFC 9562). Whatever spelling a client uses, one id has one canonical form
 * (lower case, with dashes), so that two spellings never make two channels.
 */

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const BARE = /^[0-9a-f]{32}$/;

/**
 * @param text a UUID in upper or lower case, with or without dashes
 * @returns the canonical form, or `null` if `text` is not a UUID
 */
export function canonicalUuid(text: string): string | null {
  if (CANONICAL.test(text)) return text;
  const lower = text.toLowerCase();
  if (CANONICAL.test(lower)) return lower;
  if (!BARE.test(lower)) return null;
  return lower.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
