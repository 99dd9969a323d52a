import { type KeyboardEvent, type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import type { Rows } from './list-view.js';

/** Messages that Page Up and Page Down go past. */
const PAGE = 10;

interface RowFocusOptions {
  readonly scroller: RefObject<HTMLElement | null>;
  readonly rows: Rows;
  readonly reveal: (index: number) => void;
  readonly toEnd: () => void;
  readonly onLeave: () => void;
}

interface RowFocus {
  /** Message that Tab leads to; null: the newest. */
  readonly tabStop: string | null;
  /** Its row, when it is in the list. */
  readonly index: number | null;
  readonly onFocus: (messageId: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}

/** Goes from message to message by the keyboard: the list is one stop of Tab, arrows lead on from there. */
export function useRowFocus({ scroller, rows, reveal, toEnd, onLeave }: RowFocusOptions): RowFocus {
  const [tabStop, setTabStop] = useState<string | null>(null);
  const wanted = useRef<string | null>(null);
  const lastIndex = useRef(-1);
  const index = tabStop === null ? null : indexOf(rows, tabStop, lastIndex.current);
  lastIndex.current = index ?? -1;

  // When the row that was wanted is drawn.
  useEffect(() => {
    if (wanted.current === null) return;
    const row = scroller.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(wanted.current)}"]`);
    if (!row) return;
    wanted.current = null;
    row.focus({ preventScroll: true });
  });

  const onKeyDown = (event: KeyboardEvent) => {
    const row = event.target instanceof HTMLElement ? event.target.closest('article') : null;
    const at = row?.dataset.id === undefined ? -1 : (indexOf(rows, row.dataset.id, lastIndex.current) ?? -1);
    if (at < 0 || event.target !== row || event.ctrlKey || event.altKey || event.metaKey) return;
    const last = rows.count - 1;
    if (event.key === 'Escape' || (event.key === 'ArrowDown' && at === last)) {
      event.preventDefault();
      onLeave();
      return;
    }
    const target = targetOf(event.key, at, last);
    if (target === null) return;
    event.preventDefault();
    const key = rows.keyAt(target);
    wanted.current = key;
    setTabStop(key);
    if (target === last) toEnd();
    else reveal(target);
  };

  const onFocus = useCallback((messageId: string) => setTabStop(messageId), []);
  return { tabStop: index === null ? null : tabStop, index, onFocus, onKeyDown };
}

/** The first row is no message. */
function targetOf(key: string, at: number, last: number): number | null {
  switch (key) {
    case 'ArrowUp':
      return Math.max(1, at - 1);
    case 'ArrowDown':
      return at + 1;
    case 'PageUp':
      return Math.max(1, at - PAGE);
    case 'PageDown':
      return Math.min(last, at + PAGE);
    case 'Home':
      return 1;
    case 'End':
      return last;
    default:
      return null;
  }
}

/** @param hint where it was before: rows move by what is added or removed above them */
function indexOf(rows: Rows, key: string, hint: number): number | null {
  if (hint >= 0 && hint < rows.count && rows.keyAt(hint) === key) return hint;
  for (let index = rows.count - 1; index > 0; index--) if (rows.keyAt(index) === key) return index;
  return null;
}
