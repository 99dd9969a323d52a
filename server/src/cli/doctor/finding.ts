/** What the doctor has found. */

export interface Finding {
  readonly status: 'ok' | 'warning' | 'failure';
  /** What was looked at, in a word or two. */
  readonly subject: string;
  /** What was found. */
  readonly what: string;
  /** What to do; there whenever it is not ok. */
  readonly remedy?: string;
}

export function ok(subject: string, what: string): Finding {
  return { status: 'ok', subject, what };
}

export function warning(subject: string, what: string, remedy: string): Finding {
  return { status: 'warning', subject, what, remedy };
}

export function failure(subject: string, what: string, remedy: string): Finding {
  return { status: 'failure', subject, what, remedy };
}

/** The clock of another machine against that of this one, where they were asked between the two moments. */
export interface ClockReading {
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly theirMs: number;
}

const MAX_SKEW_MS = 1000;
const FAR_SKEW_MS = 30_000;

/** @param whose like `the database` */
export function compareClocks(whose: string, { beforeMs, afterMs, theirMs }: ClockReading): Finding {
  // What the reading itself may be wrong by is not held against anyone.
  const skewMs = theirMs > afterMs ? theirMs - afterMs : theirMs < beforeMs ? beforeMs - theirMs : 0;
  const seconds = (skewMs / 1000).toFixed(1);
  const subject = 'clock';
  if (skewMs <= MAX_SKEW_MS) return ok(subject, `within ${MAX_SKEW_MS / 1000} s of that of ${whose}`);
  const what = `${seconds} s ${theirMs > afterMs ? 'behind' : 'ahead of'} that of ${whose}`;
  const remedy =
    'Tokens, bans and time-outs end by the clock: let a time service (chrony, systemd-timesyncd) set it on both machines.';
  return skewMs > FAR_SKEW_MS ? failure(subject, what, remedy) : warning(subject, what, remedy);
}
