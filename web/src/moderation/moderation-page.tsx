import { hashOf, MODERATION_TABS, type ModerationTab } from '../router.js';
import { AuditLog } from './audit-log.js';
import { Reports } from './reports.js';
import { Restrictions } from './restrictions.js';
import { ReviewQueue } from './review-queue.js';

interface ModerationPageProps {
  readonly channelId: string;
  readonly tab: ModerationTab;
}

const TITLES: Readonly<Record<ModerationTab, string>> = {
  review: 'Review queue',
  reports: 'Reports',
  restrictions: 'Bans and mutes',
  log: 'Audit log',
};

/** What moderators see of a channel. */
export default function ModerationPage({ channelId, tab }: ModerationPageProps) {
  return (
    <section className="page" aria-label="Moderation">
      <nav className="tabs page-tabs" aria-label="Moderation">
        {MODERATION_TABS.map((each) => (
          <a
            key={each}
            href={hashOf({ view: 'moderation', channelId, tab: each })}
            aria-current={each === tab ? 'page' : undefined}
          >
            {TITLES[each]}
          </a>
        ))}
      </nav>
      <div className="page-body">
        <h3 className="visually-hidden">{TITLES[tab]}</h3>
        <Tab channelId={channelId} tab={tab} />
      </div>
    </section>
  );
}

function Tab({ channelId, tab }: ModerationPageProps) {
  switch (tab) {
    case 'review':
      return <ReviewQueue channelId={channelId} />;
    case 'reports':
      return <Reports channelId={channelId} />;
    case 'restrictions':
      return <Restrictions channelId={channelId} />;
    case 'log':
      return <AuditLog channelId={channelId} />;
  }
}
