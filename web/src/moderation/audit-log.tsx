import type { LogAction, LogEntry } from '@hubbub/protocol/moderation.js';
import { useCallback, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Field } from '../ui/field.js';
import { useNotices } from '../ui/notices.js';
import { fullTimeOf } from '../ui/time.js';
import { LIST_PAGE, useList } from '../ui/use-list.js';
import { wordsFor } from '../ui/words.js';
import { ListFrame } from './list-frame.js';

const ACTIONS: Readonly<Record<LogAction, string>> = {
  ban: 'banned',
  unban: 'lifted the ban of',
  mute: 'muted',
  unmute: 'unmuted',
  timeout: 'timed out',
  message_delete: 'deleted a message of',
  member_add: 'added',
  member_remove: 'removed',
  role_change: 'changed the role of',
  ownership_transfer: 'gave the channel to',
  channel_update: 'changed the channel',
  channel_delete: 'deleted the channel',
  auto_moderation: 'changed the rules',
  held_approve: 'let through a message of',
  held_reject: 'turned down a message of',
  shield: 'switched the shield',
  report_resolve: 'resolved a report about',
  user_suspend: 'suspended',
  user_restore: 'restored',
  token_revoke: 'revoked a token',
  tokens_revoke: 'revoked the tokens of',
  user_erase: 'erased',
};

/** Whose name stands for what the rules of auto-moderation do. */
const RULES_ID = '00000000-0000-0000-0000-000000000000';

/** Who did what to whom, newest first, by action and by user. */
export function AuditLog({ channelId }: { readonly channelId: string }) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const [action, setAction] = useState<LogAction | ''>('');
  const [target, setTarget] = useState<{ readonly id: string; readonly name: string } | null>(null);
  const targetId = target?.id;
  const list = useList(
    useCallback(
      async (page: number, signal: AbortSignal) => {
        const { logs, total } = await moderation.listLog(channelId, {
          page: page + 1,
          limit: LIST_PAGE,
          ...(action !== '' && { action }),
          user_id: targetId,
          signal,
        });
        return { items: logs, total };
      },
      [moderation, channelId, action, targetId],
    ),
  );
  const download = async (format: 'csv' | 'ndjson') => {
    try {
      const answer = await moderation.exportLog(channelId, { format });
      save(await answer.blob(), `audit-log.${format}`);
    } catch (error) {
      notify(wordsFor(error));
    }
  };
  return (
    <>
      <div className="filters">
        <Field label="Action">
          {(control) => (
            <select {...control} value={action} onChange={(event) => setAction(event.target.value as LogAction | '')}>
              <option value="">All actions</option>
              {Object.entries(ACTIONS).map(([each, word]) => (
                <option key={each} value={each}>
                  {word}
                </option>
              ))}
            </select>
          )}
        </Field>
        {target !== null && (
          <button className="button button-small" type="button" onClick={() => setTarget(null)}>
            Only {target.name} ×<span className="visually-hidden"> (show everyone)</span>
          </button>
        )}
        <span className="filters-aside">
          <button className="button button-small" type="button" onClick={() => void download('csv')}>
            CSV
          </button>
          <button className="button button-small" type="button" onClick={() => void download('ndjson')}>
            NDJSON
          </button>
        </span>
      </div>
      <ListFrame list={list} whenEmpty="Nothing has been done here yet.">
        <ol className="entries">
          {list.items.map((entry) => (
            <Entry key={entry.id} entry={entry} onTarget={(id, name) => setTarget({ id, name })} />
          ))}
        </ol>
      </ListFrame>
    </>
  );
}

interface EntryProps {
  readonly entry: LogEntry;
  readonly onTarget: (userId: string, name: string) => void;
}

function Entry({ entry, onTarget }: EntryProps) {
  const { moderator_username: moderator, target_username: target, target_user_id: targetId, action, reason } = entry;
  return (
    <li className="entry">
      <div className="entry-body">
        <p className="entry-head">
          <bdi>{moderator ?? (entry.moderator_id === RULES_ID ? 'Auto-moderation' : 'A user who was erased')}</bdi>
          <span className="badge">{ACTIONS[action] ?? action}</span>
          {targetId !== null && (
            <button className="entry-link" type="button" onClick={() => onTarget(targetId, target ?? targetId)}>
              <bdi>{target ?? targetId.slice(0, 8)}</bdi>
              <span className="visually-hidden">: show only this user</span>
            </button>
          )}
        </p>
        {reason !== null && <p className="entry-text">{reason}</p>}
      </div>
      <time className="entry-time" dateTime={entry.created_at}>
        {fullTimeOf(entry.created_at)}
      </time>
    </li>
  );
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
