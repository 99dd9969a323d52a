import type { OutgoingMessage } from '@hubbub/client';
import { memo, useLayoutEffect, useRef } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { Icon } from '../ui/icon.js';
import { clockOf } from '../ui/time.js';
import { wordsFor } from '../ui/words.js';
import { Content } from './content.js';
import type { RowMeter } from './use-virtual-rows.js';

interface OutgoingRowProps {
  readonly message: OutgoingMessage;
  readonly startsGroup: boolean;
  readonly top: number;
  readonly meter: RowMeter;
  readonly onRetry: (messageId: string) => void;
  readonly onDiscard: (messageId: string) => void;
}

const STATES: Readonly<Record<Exclude<OutgoingMessage['state'], 'failed'>, string>> = {
  queued: 'Waits to be sent',
  sending: 'Sending',
  held: 'Waits for a moderator',
};

/** A message of the user's own that is not stored yet. */
export const OutgoingRow = memo(function OutgoingRow(props: OutgoingRowProps) {
  const { message, startsGroup, top, meter, onRetry, onDiscard } = props;
  const { self } = useSession();
  const { id, content, atMs, state, error } = message;
  const row = useRef<HTMLElement>(null);
  useLayoutEffect(() => (row.current === null ? undefined : meter.watch(id, row.current)), [meter, id]);
  const name = self.display_name ?? self.username;
  return (
    <article
      className="row"
      ref={row}
      data-id={id}
      data-group={startsGroup}
      data-state={state}
      style={{ transform: `translateY(${top}px)` }}
      aria-label={`Your message: ${state === 'failed' ? 'not sent' : STATES[state]}`}
    >
      <div className="message">
        {startsGroup ? (
          <Avatar userId={self.id} name={name} url={self.avatar_url} />
        ) : (
          <span className="message-side-time" />
        )}
        <div className="message-body">
          {startsGroup && (
            <p className="message-head">
              <bdi className="message-author">{name}</bdi>
              <span className="badge badge-accent">you</span> <time>{clockOf(atMs)}</time>
            </p>
          )}
          <div className="message-text" dir="auto">
            <Content text={content} />
          </div>
          {state === 'failed' ? (
            <div className="message-failed" role="alert">
              <Icon name="warning" />
              <span>Not sent. {error !== null && wordsFor(error)}</span>
              <button className="button button-small" type="button" onClick={() => onRetry(id)}>
                Try again
              </button>
              <button className="button button-small button-quiet" type="button" onClick={() => onDiscard(id)}>
                Discard
              </button>
            </div>
          ) : (
            state !== 'sending' && (
              <p className="message-state">
                <Icon name="clock" />
                {STATES[state]}
              </p>
            )
          )}
        </div>
      </div>
    </article>
  );
});
