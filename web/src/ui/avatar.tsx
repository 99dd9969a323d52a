import { useState } from 'react';

interface AvatarProps {
  readonly userId: string;
  readonly name: string;
  /** Shown where it is on the server's own origin: no request goes elsewhere, and nobody learns who reads. */
  readonly url?: string | null | undefined;
  readonly isSmall?: boolean;
}

/** A user's picture, or the first letter of the name on a colour of the user's own. Says nothing to a screen reader. */
export function Avatar({ userId, name, url = null, isSmall = false }: AvatarProps) {
  const [broken, setBroken] = useState<string | null>(null);
  const picture = url !== null && url !== broken && isOwnOrigin(url) ? url : null;
  return (
    <span
      className={isSmall ? 'avatar avatar-small' : 'avatar'}
      style={{ '--hue': hueOf(userId) } as React.CSSProperties}
      aria-hidden="true"
    >
      {picture === null ? initialOf(name) : <img src={picture} alt="" onError={() => setBroken(picture)} />}
    </span>
  );
}

function isOwnOrigin(url: string): boolean {
  return URL.canParse(url, location.href) && new URL(url, location.href).origin === location.origin;
}

function initialOf(name: string): string {
  const [first = '?'] = new Intl.Segmenter().segment(name.trim());
  return typeof first === 'string' ? first : first.segment.toUpperCase();
}

function hueOf(userId: string): number {
  let hash = 0;
  for (const character of userId) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return hash;
}
