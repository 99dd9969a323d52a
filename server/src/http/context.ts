import type { AddressLimits } from '../address-limits.js';
import type { Auth } from '../auth.js';
import type { Screening } from '../auto-moderation/screening.js';
import type { Config } from '../config.js';
import type { Hub } from '../hub.js';
import type { Limiter, Rate } from '../limiter.js';
import type { Logger } from '../log.js';
import type { Moderation } from '../moderation.js';
import type { Presence } from '../presence.js';
import type { Review } from '../review.js';
import type { Reports } from '../self-report.js';
import type { SiteModeration } from '../site-moderation.js';
import type { Db } from '../store/db.js';
import type { Tracing } from '../tracing.js';
import type { UserReports } from '../user-reports.js';

/** What the routes work with. */
export interface HttpContext {
  readonly config: Config;
  readonly log: Logger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  readonly db: Db;
  readonly auth: Auth;
  readonly addressLimits: AddressLimits;
  readonly screening: Screening;
  readonly review: Review;
  readonly hub: Hub;
  readonly moderation: Moderation;
  readonly userReports: UserReports;
  readonly site: SiteModeration;
  readonly presence: Presence;
  readonly limiter: Limiter;
  readonly instanceId: string;
  /** Null: messages are not limited. */
  readonly messageRate: Rate | null;
  /** The reports of all processes of this instance; null in place of one that did not answer. */
  readonly gather: <K extends keyof Reports>(kind: K) => Promise<(Reports[K] | null)[]>;
  readonly isDraining: () => boolean;
  /** Whether a browser on this origin may use the server; `host` is the request's own. */
  readonly isOriginAllowed: (origin: string, host: string | null, allowed: readonly string[]) => boolean;
  /** Publishes a sequenced event that is committed. */
  readonly publishEvent: (channelId: string, seq: number, frame: object) => void;
}
