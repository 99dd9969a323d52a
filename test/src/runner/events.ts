/** What the process of a test file tells the runner, one JSON line each on file descriptor 3. */

/** A test or suite is under way. */
export interface BegunEvent {
  readonly kind: 'begun';
}

/** A test or suite is over; its result follows in the order of the source. */
export interface EndedEvent {
  readonly kind: 'ended';
}

/** Node.js noticed something that belongs to no test, such as an error after a test's end. */
export interface NoticeEvent {
  readonly kind: 'notice';
  readonly text: string;
}

export interface ResultEvent {
  readonly kind: 'result';
  /** Names from the outermost suite to the test itself. */
  readonly path: readonly string[];
  readonly isSuite: boolean;
  readonly durationMs: number;
  /** In full, with difference and stack; null when it passed. A skipped test failed: the suite never skips. */
  readonly error: string | null;
  /** It failed only because something below it failed. */
  readonly onlyBelow: boolean;
}

export type RunEvent = BegunEvent | EndedEvent | NoticeEvent | ResultEvent;

export const EVENT_FD = 3;
