import type { Restriction, RestrictionKind } from '@hubbub/protocol/moderation.js';
import { useCallback } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { useNotices } from '../ui/notices.js';
import { fullTimeOf, untilOf } from '../ui/time.js';
import { LIST_PAGE, useList } from '../ui/use-list.js';
import { wordsFor } from '../ui/words.js';
import { ListFrame } from './list-frame.js';

const KINDS: Readonly<Record<RestrictionKind, { readonly word: string; readonly badge: string }>> = {
  ban: { word: 'Banned', badge: 'badge badge-danger' },
  timeout: { word: 'Timed out', badge: 'badge badge-warn' },
  mute: { word: 'Muted', badge: 'badge' },
};

/** Bans, timeouts and mutes in force, with the way to lift them. */
export function Restrictions({ channelId }: { readonly channelId: string }) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const list = useList(
    useCallback(
      async (page: number, signal: AbortSignal) => {
        const offset = page * LIST_PAGE;
        const { bans, total } = await moderation.listBans(channelId, { limit: LIST_PAGE, offset, signal });
        return { items: bans, total };
      },
      [moderation, channelId],
    ),
  );
  const lift = async ({ kind, user_id: userId, username }: Restriction) => {
    try {
      if (kind === 'mute') await moderation.unmute(channelId, userId);
      else await moderation.unban(channelId, userId);
      notify(`${username} is free again.`);
    } catch (error) {
      notify(wordsFor(error));
    }
    list.refresh();
  };
  return (
    <ListFrame list={list} whenEmpty="Nobody is banned, timed out or muted here.">
      <ul className="entries">
        {list.items.map((restriction) => {
          const { id, kind, user_id: userId, username, reason, created_at: since, expires_at: expiresAt } = restriction;
          return (
            <li className="entry" key={id}>
              <Avatar userId={userId} name={username} isSmall />
              <div className="entry-body">
                <p className="entry-head">
                  <bdi>{username}</bdi>
                  <span className={KINDS[kind].badge}>{KINDS[kind].word}</span>
                </p>
                <p className="hint">
                  Since {fullTimeOf(since)}, {untilOf(expiresAt)}
                </p>
                {reason !== null && <p className="entry-text">{reason}</p>}
              </div>
              <button
                className="button button-small"
                type="button"
                aria-label={kind === 'mute' ? `Unmute ${username}` : `Lift the ban of ${username}`}
                onClick={() => void lift(restriction)}
              >
                {kind === 'mute' ? 'Unmute' : 'Lift'}
              </button>
            </li>
          );
        })}
      </ul>
    </ListFrame>
  );
}
