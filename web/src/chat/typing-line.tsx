import type { Typist } from '@hubbub/client';

/** Who is typing, to the eye alone: read out, it would talk over everything. */
export function TypingLine({ typists }: { readonly typists: readonly Typist[] }) {
  return (
    <p className="typing" aria-hidden="true">
      {typists.length > 0 && (
        <>
          <span className="typing-dots">
            <i />
            <i />
            <i />
          </span>
          {textFor(typists.map(({ username }) => username))}
        </>
      )}
    </p>
  );
}

function textFor(names: readonly string[]): string {
  const [first = '', second = ''] = names;
  if (names.length === 1) return `${first} is typing`;
  if (names.length === 2) return `${first} and ${second} are typing`;
  return names.length === 3 ? `${first}, ${second} and one more are typing` : 'Several people are typing';
}
