import type { Auth } from '../auth.js';
import type { Config } from '../config.js';
import type { Connections } from '../connections.js';
import type { Hub } from '../hub.js';
import type { Journal } from '../journal.js';
import type { Limiter, Rate } from '../limiter.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Moderation } from '../moderation.js';
import type { Presence } from '../presence.js';
import type { SiteModeration } from '../site-moderation.js';
import type { Db } from '../store/db.js';

/** What the routes work with. */
export interface HttpContext {
  readonly config: Config;
  readonly log: Logger;
  readonly db: Db;
  readonly auth: Auth;
  readonly journal: Journal;
  readonly hub: Hub;
  readonly moderation: Moderation;
  readonly site: SiteModeration;
  readonly presence: Presence;
  readonly limiter: Limiter;
  readonly metrics: Metrics;
  readonly connections: Connections;
  readonly instanceId: string;
  /** Null: messages are not limited. */
  readonly messageRate: Rate | null;
  /** Whether Redis answers; null where none is configured. */
  readonly redisUp: () => boolean | null;
  readonly isDraining: () => boolean;
  /** Whether a browser on this origin may use the server; `host` is the request's own. */
  readonly isOriginAllowed: (origin: string, host: string | null, allowed: readonly string[]) => boolean;
  /** Publishes a sequenced event that is committed. */
  readonly publishEvent: (channelId: string, seq: number, frame: object) => void;
}
