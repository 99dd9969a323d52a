/** What is said in passing: to the eye as a note that goes by itself, to a screen reader politely. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';

const SHOWN_MS = 5000;
const MAX_SHOWN = 3;

interface Notices {
  /** Shows a note for some seconds, which is read out as well. */
  readonly notify: (text: string) => void;
  /** Reads out only. What comes within the same second is read as the last of it. */
  readonly announce: (text: string) => void;
}

const Context = createContext<Notices>({ notify: () => {}, announce: () => {} });

export function useNotices(): Notices {
  return useContext(Context);
}

export function NoticesProvider({ children }: { readonly children: ReactNode }) {
  const [notes, setNotes] = useState<readonly { readonly id: number; readonly text: string }[]>([]);
  const [announced, setAnnounced] = useState('');
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  const counter = useRef(0);
  useEffect(() => {
    const running = timers.current;
    return () => {
      for (const timer of running) clearTimeout(timer);
    };
  }, []);
  const announce = useCallback((text: string) => setAnnounced(text), []);
  const notify = useCallback((text: string) => {
    counter.current += 1;
    const id = counter.current;
    setNotes((before) => [...before, { id, text }].slice(-MAX_SHOWN));
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setNotes((before) => before.filter((note) => note.id !== id));
    }, SHOWN_MS);
    timers.current.add(timer);
  }, []);
  const notices = useMemo(() => ({ notify, announce }), [notify, announce]);
  return (
    <Context value={notices}>
      {children}
      <div className="toasts" role="status">
        {notes.map(({ id, text }) => (
          <p className="toast" key={id}>
            {text}
          </p>
        ))}
      </div>
      <div className="announcer visually-hidden" aria-live="polite">
        {announced}
      </div>
    </Context>
  );
}
