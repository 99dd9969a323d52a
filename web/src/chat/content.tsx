import { memo } from 'react';
import { splitLinks } from './links.js';

/** A message's text: text as it was written, and links that can be followed. */
export const Content = memo(function Content({ text }: { readonly text: string }) {
  return splitLinks(text).map((piece, index) =>
    piece.href === undefined ? (
      piece.text
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never change their order
      <a key={index} href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
        {piece.text}
      </a>
    ),
  );
});
