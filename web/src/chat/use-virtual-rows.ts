import { type RefObject, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef } from 'react';
import { flushSync } from 'react-dom';
import { ListView, type Rows } from './list-view.js';

/** Measures rows that are on the screen, and tells of their changes. */
export interface RowMeter {
  /** @returns ends it */
  watch(key: string, element: HTMLElement): () => void;
}

interface VirtualRows {
  readonly view: ListView;
  /** For the rows that are drawn. */
  readonly meter: RowMeter;
  readonly start: number;
  readonly end: number;
  readonly toEnd: () => void;
  readonly reveal: (index: number) => void;
}

/**
 * Draws only those rows of a long list that are on the screen or near it. Heights are corrected before the browser paints,
 * so that nothing jumps.
 *
 * @param scroller the element that scrolls; its only child has the height `view.contentHeight`, and rows within stand
 *   absolutely at `view.top(index)`. It must have `overflow-anchor: none`
 */
export function useVirtualRows(scroller: RefObject<HTMLElement | null>, rows: Rows): VirtualRows {
  const [, draw] = useReducer((turn: number) => turn + 1, 0);
  const view = useMemo(() => new ListView(), []);
  // The view is a cache of what the rows say: to tell it again, as React may in drawing twice, changes nothing.
  view.setRows(rows);
  const indexes = useRef(new Map<string, number>());
  /** A height was found to be another while the rows were put in place. */
  const isStale = useRef(false);
  const { start, end } = view.range();

  indexes.current.clear();
  for (let index = start; index < end; index++) indexes.current.set(rows.keyAt(index), index);

  const meter = useMemo(() => {
    const keys = new Map<Element, string>();
    const measure = (element: Element, height: number) => {
      const key = keys.get(element);
      const index = key === undefined ? undefined : indexes.current.get(key);
      return key !== undefined && index !== undefined && view.measure(key, index, height);
    };
    // Comes after layout and before paint: what it corrects is never seen wrong.
    const observer = new ResizeObserver((entries) => {
      let isChanged = false;
      for (const { target, borderBoxSize } of entries) {
        isChanged = measure(target, borderBoxSize[0]?.blockSize ?? 0) || isChanged;
      }
      if (isChanged) flushSync(draw);
    });
    return {
      observer,
      watch(key: string, element: HTMLElement) {
        keys.set(element, key);
        if (measure(element, element.getBoundingClientRect().height)) isStale.current = true;
        observer.observe(element);
        return () => {
          observer.unobserve(element);
          keys.delete(element);
        };
      },
    };
  }, [view]);
  useEffect(() => () => meter.observer.disconnect(), [meter]);

  // After every drawing: rows may have come above, or turned out to have other heights.
  useLayoutEffect(() => {
    if (isStale.current) {
      isStale.current = false;
      draw();
    }
    const element = scroller.current;
    if (element !== null && Math.abs(element.scrollTop - view.scrollTop) >= 1) element.scrollTop = view.scrollTop;
  });

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const onScroll = () => {
      // What was set here is no movement of the reader's.
      if (Math.abs(element.scrollTop - view.scrollTop) < 1) return;
      view.scrolled(element.scrollTop);
      flushSync(draw);
    };
    const onResize = () => {
      if (view.resize(element.clientHeight)) flushSync(draw);
    };
    view.resize(element.clientHeight);
    draw();
    const observer = new ResizeObserver(onResize);
    observer.observe(element);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, [scroller, view]);

  const toEnd = useCallback(() => {
    view.toEnd();
    draw();
  }, [view]);
  const reveal = useCallback(
    (index: number) => {
      view.reveal(index);
      draw();
    },
    [view],
  );
  return { view, meter, start, end, toEnd, reveal };
}
