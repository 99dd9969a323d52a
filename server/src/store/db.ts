/** What the store asks of a database. Designed for the weaker of the two drivers: one connection, no session state. */
export interface Queryable {
  /**
   * One parameterised statement.
   *
   * @returns its rows: `bigint` as number, `timestamptz` as Date, `jsonb` as the parsed value
   * @throws StorageUnavailable when the database is away, too slow, or cannot write
   */
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>;
  /** Statements without parameters, separated by semicolons (migrations). */
  exec(text: string): Promise<void>;
}

/** A database: PostgreSQL through `pg`, or PostgreSQL in this process through PGlite. */
export interface Db extends Queryable {
  /**
   * Runs `fn` in one transaction on a handle of its own; commits when it settles well, rolls back when it throws.
   * Statements on the outer Db are not part of it.
   */
  transaction<T>(fn: (tx: Queryable) => Promise<T>): Promise<T>;
  /** True when a trivial query is answered within a second. Never throws. */
  ping(): Promise<boolean>;
  /** Ends all connections, after what is under way. */
  close(): Promise<void>;
}

/** SQLSTATE codes that the code acts on. Source: PostgreSQL documentation, appendix A. */
export const SQLSTATE = {
  characterNotInRepertoire: '22021',
  uniqueViolation: '23505',
  foreignKeyViolation: '23503',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  readOnlyTransaction: '25006',
} as const;

/** The SQLSTATE of an error that the database itself reported; null for anything else (a lost connection, a bug). */
export function sqlState(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return 'severity' in error && error.code.length === 5 ? error.code : null;
}

/** The database has ended the connection with this error, not only the statement. */
export function isFatal(error: unknown): boolean {
  return error instanceof Error && 'severity' in error && error.severity !== 'ERROR';
}

/**
 * Classes and codes by which the database says that it cannot serve at the moment, as opposed to a fault of the
 * statement: connection exceptions, out of resources, operator intervention, read-only, system errors.
 */
export function isUnavailable(state: string): boolean {
  return /^(08|53|57|58|25006)/.test(state);
}
