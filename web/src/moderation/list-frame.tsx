import type { ReactNode } from 'react';

interface ListFrameProps {
  readonly list: {
    readonly total: number;
    readonly isLoading: boolean;
    readonly problem: string;
    readonly hasMore: boolean;
    readonly showMore: () => void;
    readonly refresh: () => void;
  };
  /** Said where there is nothing to show. */
  readonly whenEmpty: string;
  readonly children: ReactNode;
}

/** Around the entries of a list: what is said when there are none, or they cannot be read, and the way to more. */
export function ListFrame({ list, whenEmpty, children }: ListFrameProps) {
  if (list.problem !== '') {
    return (
      <p className="list-note" role="alert">
        {list.problem}{' '}
        <button className="button button-small" type="button" onClick={list.refresh}>
          Try again
        </button>
      </p>
    );
  }
  if (list.total === 0) {
    return (
      <p className="list-note" role="status">
        {list.isLoading ? 'Loading…' : whenEmpty}
      </p>
    );
  }
  return (
    <>
      {children}
      {list.hasMore && (
        <button className="button button-quiet button-wide" type="button" onClick={list.showMore}>
          Show more
        </button>
      )}
    </>
  );
}
