import type { Messages } from '@hubbub/client/react';
import { useLayoutEffect, useRef } from 'react';
import { HEAD_KEY } from './rows.js';
import type { Older } from './use-older.js';
import type { RowMeter } from './use-virtual-rows.js';

interface ListHeadProps {
  readonly name: string;
  readonly messages: Messages;
  readonly older: Older;
  readonly top: number;
  readonly meter: RowMeter;
}

/** Above the first message: the beginning of the channel, or that older ones are on their way. */
export function ListHead({ name, messages, older, top, meter }: ListHeadProps) {
  const head = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => (head.current === null ? undefined : meter.watch(HEAD_KEY, head.current)), [meter]);
  return (
    <div className="row row-head" ref={head} style={{ transform: `translateY(${top}px)` }}>
      <ListHeadContent name={name} messages={messages} older={older} />
    </div>
  );
}

function ListHeadContent({ name, messages, older }: Pick<ListHeadProps, 'name' | 'messages' | 'older'>) {
  if (older.problem !== '') {
    return (
      <p className="list-head-note" role="alert">
        Older messages cannot be read. {older.problem}{' '}
        <button className="button button-small" type="button" onClick={older.retry}>
          Try again
        </button>
      </p>
    );
  }
  if (!messages.isLoaded || messages.hasOlder) {
    return (
      <p className="list-head-note">
        <span className="spinner" aria-hidden="true" />
        <span className="visually-hidden">Loading messages</span>
      </p>
    );
  }
  return (
    <div className="list-head">
      <p className="list-head-title">
        Welcome to <bdi>{name}</bdi>
      </p>
      <p className="hint">
        {messages.messages.length === 0 ? 'Nobody has written anything yet.' : 'This is where the conversation began.'}
      </p>
    </div>
  );
}
