/** This machine: runtime, open files, and where the embedded database lives. */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, ConfigError } from '../../config.js';
import { reasonOf } from '../../lifecycle.js';
import { lockDataDir } from '../../store/data-dir-lock.js';
import { type Finding, failure, ok, warning } from './finding.js';

/** Files of a process that are no connections of clients: its own, the database, Redis, metrics. */
const OTHER_FILES = 100;
/** As many as the alert of deploy/prometheus expects of an instance. */
const USUAL_CONNECTIONS = 1000;

export function examineRuntime(): Finding {
  return ok('Node.js', `${process.versions.node}, ${process.platform} ${process.arch}`);
}

/** Each connection of a client is an open file. Node.js raises the soft limit to the hard one when it starts. */
export function examineOpenFiles(): Finding {
  const subject = 'open files';
  const limit = readOpenFilesLimit();
  if (limit === null) return ok(subject, 'this system does not tell its limit');
  const connections = Math.max(0, limit - OTHER_FILES);
  if (connections >= USUAL_CONNECTIONS) {
    return ok(subject, limit === Number.POSITIVE_INFINITY ? 'no limit' : `${limit}: about ${connections} connections`);
  }
  const what = `${limit} at most, so about ${connections} connections`;
  const remedy =
    'Raise it where the server is started: `ulimit -n 65536`, LimitNOFILE= in systemd, ulimits in Compose.';
  return connections < USUAL_CONNECTIONS / 10 ? failure(subject, what, remedy) : warning(subject, what, remedy);
}

function readOpenFilesLimit(): number | null {
  // Else it looks up the names of all peers, which may take long.
  (process.report as { excludeNetwork?: boolean }).excludeNetwork = true;
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | string } } };
  const limit = report.userLimits?.open_files?.soft;
  if (limit === undefined) return null;
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}

/** Without another clock to compare with: at least it has not stopped before this program was made. */
export function examineClockAlone(nowMs = Date.now()): Finding {
  const builtAtMs = statSync(fileURLToPath(import.meta.url)).mtimeMs;
  if (nowMs >= builtAtMs) return ok('clock', new Date(nowMs).toISOString());
  return failure(
    'clock',
    `it says ${new Date(nowMs).toISOString()}, and this program was installed later`,
    'Tokens, bans and time-outs end by the clock: let a time service (chrony, systemd-timesyncd) set it.',
  );
}

/** The embedded database's folder. */
export function examineDataDir({ dataDir }: Config): Finding {
  const subject = 'DATA_DIR';
  if (dataDir.startsWith('memory://')) {
    return warning(
      subject,
      'memory:// keeps nothing: messages are gone when the server ends',
      'Name a folder, or set DATABASE_URL.',
    );
  }
  const folder = resolve(dataDir);
  const exists = existsSync(folder);
  try {
    rmSync(mkdtempSync(join(exists ? folder : nearestFolder(folder), '.hubbub-doctor-')), { recursive: true });
  } catch (error) {
    return failure(
      subject,
      `${folder} cannot be written to: ${reasonOf(error)}`,
      'Give it to the user who runs Hubbub (chown), or name another folder. In a container it is a volume.',
    );
  }
  if (!exists) return ok(subject, `${folder} will be made at the start`);
  if (!existsSync(join(folder, 'lock'))) return ok(subject, `${folder} can be written to`);
  try {
    lockDataDir(folder)();
    return ok(subject, `${folder} can be written to, and nobody uses it`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return warning(
      subject,
      `${folder} is in use by a process of Hubbub`,
      'That is right while it runs. A second one needs a folder of its own, or DATABASE_URL.',
    );
  }
}

function nearestFolder(path: string): string {
  return existsSync(path) ? path : nearestFolder(dirname(path));
}
