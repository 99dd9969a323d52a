import type { Report, ReportStatus } from '@hubbub/protocol/reports.js';
import { useCallback, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { useNotices } from '../ui/notices.js';
import { fullTimeOf } from '../ui/time.js';
import { LIST_PAGE, useList } from '../ui/use-list.js';
import { ListFrame } from './list-frame.js';
import { ResolveDialog } from './resolve-dialog.js';

/** What users have reported, open ones first asked for. */
export function Reports({ channelId }: { readonly channelId: string }) {
  const { moderation } = useSession();
  const { notify } = useNotices();
  const [status, setStatus] = useState<ReportStatus>('open');
  const [resolving, setResolving] = useState<Report | null>(null);
  const list = useList(
    useCallback(
      async (page: number, signal: AbortSignal) => {
        const offset = page * LIST_PAGE;
        const answer = await moderation.listReports(channelId, { status, limit: LIST_PAGE, offset, signal });
        return { items: answer.reports, total: answer.total };
      },
      [moderation, channelId, status],
    ),
  );
  return (
    <>
      <fieldset className="segments filters">
        <legend className="visually-hidden">Which reports</legend>
        {(['open', 'resolved'] as const).map((each) => (
          <label key={each}>
            <input type="radio" name="status" checked={status === each} onChange={() => setStatus(each)} />
            <span>{each === 'open' ? 'Open' : 'Resolved'}</span>
          </label>
        ))}
      </fieldset>
      <ListFrame list={list} whenEmpty={status === 'open' ? 'No open reports.' : 'No report was resolved yet.'}>
        <ul className="entries">
          {list.items.map((report) => (
            <li className="entry" key={report.id}>
              <Avatar userId={report.author_id} name={report.author_username} isSmall />
              <div className="entry-body">
                <p className="entry-head">
                  <bdi>{report.author_username}</bdi>
                  {report.action !== null && <span className="badge">{report.action.replaceAll('_', ' ')}</span>}
                  <time className="entry-time" dateTime={report.created_at}>
                    {fullTimeOf(report.created_at)}
                  </time>
                </p>
                <p className="entry-text" dir="auto">
                  {report.content}
                </p>
                <p className="hint">
                  Reported by <bdi>{report.reporter_username}</bdi>: {report.reason}
                </p>
                {report.note !== null && <p className="hint">Note: {report.note}</p>}
              </div>
              {report.status === 'open' && (
                <button className="button button-small" type="button" onClick={() => setResolving(report)}>
                  Resolve…
                </button>
              )}
            </li>
          ))}
        </ul>
      </ListFrame>
      {resolving !== null && (
        <ResolveDialog
          channelId={channelId}
          report={resolving}
          onClose={() => setResolving(null)}
          onResolved={() => {
            setResolving(null);
            notify('Resolved.');
            list.refresh();
          }}
        />
      )}
    </>
  );
}
