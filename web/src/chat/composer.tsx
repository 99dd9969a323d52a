import type { Channel } from '@hubbub/client';
import { useTyping } from '@hubbub/client/react';
import { type KeyboardEvent, type RefObject, useEffect, useId, useLayoutEffect, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Icon } from '../ui/icon.js';
import { waitOf } from '../ui/time.js';
import { TypingLine } from './typing-line.js';
import { useSlowMode } from './use-slow-mode.js';

interface ComposerProps {
  readonly channel: Channel;
  readonly name: string;
  /** Seconds between two messages of the user; 0: none. */
  readonly slowModeSeconds: number;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  /** Up from an empty field: to the newest message. */
  readonly onLeaveUp: () => void;
}

/** Share of the longest message from which on it is said how much is left. */
const COUNTER_FROM = 0.8;
/** Texts that were written and not sent, by channel. */
const drafts = new Map<string, string>();

export function Composer({ channel, name, slowModeSeconds, field, onLeaveUp }: ComposerProps) {
  const { self, maxChars } = useSession();
  const [text, setText] = useState(() => drafts.get(channel.id) ?? '');
  const { typists, typing } = useTyping(channel);
  const slowMode = useSlowMode(channel, self.id, slowModeSeconds);
  const aboutId = useId();
  const content = text.trim().normalize('NFC');
  const left = maxChars - [...content].length;
  const canSend = content !== '' && left >= 0 && slowMode.waitMs === 0;

  useEffect(() => {
    if (text === '') drafts.delete(channel.id);
    else drafts.set(channel.id, text);
  }, [channel.id, text]);

  // As high as its text.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height is that of `text`
  useLayoutEffect(() => {
    const element = field.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight}px`;
  }, [field, text]);

  const send = () => {
    if (!canSend) return;
    setText('');
    slowMode.watch(channel.send(content));
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && text === '') {
      event.preventDefault();
      onLeaveUp();
    }
  };

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="composer-box" data-over={left < 0}>
        <textarea
          ref={field}
          rows={1}
          dir="auto"
          enterKeyHint="send"
          autoComplete="off"
          aria-label={`Message ${name}`}
          aria-describedby={aboutId}
          aria-invalid={left < 0}
          placeholder={`Message ${name}`}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            if (event.target.value.trim() !== '') typing();
          }}
          onKeyDown={onKeyDown}
        />
        <button className="send" type="submit" aria-label="Send" title="Send" disabled={!canSend}>
          <Icon name="send" />
        </button>
      </div>
      <div className="composer-foot">
        <TypingLine typists={typists} />
        <p className="composer-about" id={aboutId}>
          <SlowModeNote seconds={slowModeSeconds} waitMs={slowMode.waitMs} />
          {left < maxChars * (1 - COUNTER_FROM) && <Counter left={left} />}
          <span className="visually-hidden">Enter sends, Shift and Enter starts a new line.</span>
        </p>
      </div>
    </form>
  );
}

function SlowModeNote({ seconds, waitMs }: { readonly seconds: number; readonly waitMs: number }) {
  if (seconds === 0) return null;
  return (
    <span className="composer-slow" data-waits={waitMs > 0}>
      <Icon name="clock" />
      {waitMs > 0 ? `Slow mode: ${waitOf(waitMs)}` : `Slow mode: one message in ${waitOf(seconds * 1000)}`}
    </span>
  );
}

function Counter({ left }: { readonly left: number }) {
  return (
    <span className="counter" data-over={left < 0}>
      {left < 0 ? `${-left} too many` : left}
      {left >= 0 && <span className="visually-hidden"> characters left</span>}
    </span>
  );
}
