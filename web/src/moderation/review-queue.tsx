import type { Decision, HeldMessage } from '@hubbub/protocol/auto-moderation.js';
import { useCallback } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { useNotices } from '../ui/notices.js';
import { fullTimeOf } from '../ui/time.js';
import { LIST_PAGE, useList } from '../ui/use-list.js';
import { wordsFor } from '../ui/words.js';
import { ListFrame } from './list-frame.js';
import { ShieldSwitch } from './shield-switch.js';

/** Messages that the rules of the channel hold back until a moderator has decided. */
export function ReviewQueue({ channelId }: { readonly channelId: string }) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const list = useList(
    useCallback(
      async (page: number, signal: AbortSignal) => {
        const answer = await moderation.listHeld(channelId, { limit: LIST_PAGE, offset: page * LIST_PAGE, signal });
        return { items: answer.held, total: answer.total };
      },
      [moderation, channelId],
    ),
  );
  const decide = async (message: HeldMessage, decision: Decision) => {
    try {
      await moderation.review(channelId, message.id, { decision });
      notify(decision === 'approve' ? 'Let through.' : 'Turned down.');
    } catch (error) {
      notify(wordsFor(error));
    }
    list.refresh();
  };
  return (
    <>
      <ShieldSwitch channelId={channelId} />
      <ListFrame list={list} whenEmpty="No message waits for review.">
        <ul className="entries">
          {list.items.map((message) => {
            const name = message.display_name ?? message.username;
            return (
              <li className="entry" key={message.id}>
                <Avatar userId={message.user_id} name={name} url={message.avatar_url} isSmall />
                <div className="entry-body">
                  <p className="entry-head">
                    <bdi>{name}</bdi>
                    <span className="badge badge-warn">{message.rule.replaceAll('_', ' ')}</span>
                    <time className="entry-time" dateTime={message.held_at}>
                      {fullTimeOf(message.held_at)}
                    </time>
                  </p>
                  <p className="entry-text" dir="auto">
                    {message.content}
                  </p>
                </div>
                <span className="entry-actions">
                  <button className="button button-small" type="button" onClick={() => void decide(message, 'approve')}>
                    Let through
                  </button>
                  <button
                    className="button button-small button-quiet"
                    type="button"
                    onClick={() => void decide(message, 'reject')}
                  >
                    Turn down
                  </button>
                </span>
              </li>
            );
          })}
        </ul>
      </ListFrame>
    </>
  );
}
