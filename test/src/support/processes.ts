/** Child processes with a bounded memory of what they said, and an end that is certain. */
import { type ChildProcess, spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { withTimeout } from './wait.js';

/** Characters of output that a child remembers, from the end. */
const TAIL_CHARS = 64 * 1024;

/** How a process ended: by itself with a code, or by a signal; the other one is null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  /** Working directory. Default: that of this process. */
  readonly cwd?: string;
  /** The whole environment. Default: {@link cleanEnvironment}. */
  readonly env?: Readonly<Record<string, string>>;
  /** User and group to run as; only root may set them. Default: those of this process. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Makes the child leader of a process group, so that its own children can be ended together with it. */
  readonly ownGroup?: boolean;
  /** Called with each line of standard output and standard error. */
  readonly onLine?: (line: string) => void;
  /** Gives the child a pipe as file descriptor 3, and is called with each line that it writes there. */
  readonly onChannelLine?: (line: string) => void;
}

/** Children that were started here and have not ended: none may outlive this process. */
const running = new Set<Child>();
process.on('exit', () => {
  for (const child of running) child.kill();
});

/** A process that this one started. */
export class Child {
  /** Command line, for messages. */
  readonly name: string;
  /** Settles when the process has ended; its output may still be on its way. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Settles when nobody holds the output any more: the process and those who inherited it have ended. Never rejects. */
  readonly outputEnded: Promise<void>;
  readonly #process: ChildProcess;
  readonly #ownGroup: boolean;
  readonly #lineListeners = new Set<(line: string) => void>();
  #tail = '';
  #exit: Exit | null = null;

  private constructor(command: string, args: readonly string[], options: ChildOptions) {
    this.name = [command, ...args].join(' ');
    this.#ownGroup = options.ownGroup === true;
    this.#process = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? cleanEnvironment(),
      uid: options.user?.uid,
      gid: options.user?.gid,
      detached: this.#ownGroup,
      stdio: ['ignore', 'pipe', 'pipe', options.onChannelLine === undefined ? 'ignore' : 'pipe'],
    });
    if (options.onLine !== undefined) this.#lineListeners.add(options.onLine);
    const [, stdout, stderr, channel] = this.#process.stdio;
    for (const stream of [stdout, stderr]) readLines(stream as Readable | null, (line) => this.#onLine(line));
    if (options.onChannelLine !== undefined) readLines(channel as Readable | null, options.onChannelLine);
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        running.delete(this);
        this.#exit = { code, signal };
        resolve(this.#exit);
      });
    });
    this.outputEnded = new Promise((resolve) => this.#process.once('close', () => resolve()));
  }

  /**
   * Starts a process; settles as soon as the system has started it.
   *
   * @throws when the command cannot be started
   */
  static async start(command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
    const child = new Child(command, args, options);
    try {
      await new Promise<void>((resolve, reject) => {
        child.#process.once('spawn', resolve);
        child.#process.once('error', reject);
      });
    } catch (error) {
      running.delete(child);
      throw new Error(`Cannot start ${command}`, { cause: error });
    }
    // A signal that cannot be sent is reported here as well; its sender looks at `ended` instead.
    child.#process.on('error', () => {});
    return child;
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error(`${this.name} has no process id`);
    return this.#process.pid;
  }

  /** Whether the process has ended. */
  get ended(): boolean {
    return this.#exit !== null;
  }

  /** The end of its output, both streams, at most 64 Ki characters. */
  get tail(): string {
    return this.#tail;
  }

  /** Sends a signal; does nothing when the process has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.ended) this.#process.kill(signal);
  }

  /** Kills the process at once, and its group where it has one of its own. */
  kill(): void {
    if (this.#ownGroup) signalGroup(this.pid, 'SIGKILL');
    else this.signal('SIGKILL');
  }

  /** Whether any process of the child's own group runs. */
  get groupAlive(): boolean {
    return signalGroup(this.pid, 0) && !hasOnlyZombies(this.pid);
  }

  /**
   * Asks all processes of the child's own group to end, and kills those that have not ended in time.
   *
   * @param graceMs how long they may take, in milliseconds. Default 1,000
   * @returns when the child has ended, and its group was killed
   */
  async stopGroup(graceMs = 1000): Promise<void> {
    signalGroup(this.pid, 'SIGTERM');
    await withTimeout(this.exited, graceMs, () => '').catch(() => {});
    signalGroup(this.pid, 'SIGKILL');
    await this.exited;
  }

  /**
   * Waits for a line of output, those of the remembered output included.
   *
   * @param match gives something other than undefined for the line that was waited for
   * @returns what `match` gave
   * @throws when the process ends before, or when the time is over; with the end of the output
   */
  async waitForLine<T>(match: (line: string) => T | undefined, timeoutMs: number): Promise<T> {
    for (const line of this.#tail.split('\n')) {
      const found = match(line);
      if (found !== undefined) return found;
    }
    let listener: (line: string) => void = () => {};
    const seen = new Promise<T>((resolve) => {
      listener = (line) => {
        const found = match(line);
        if (found !== undefined) resolve(found);
      };
      this.#lineListeners.add(listener);
    });
    const ended = this.exited.then(async (exit): Promise<never> => {
      await withTimeout(this.outputEnded, 1000, () => '').catch(() => {});
      throw new Error(`${this.name} ended early (${describeExit(exit)}):\n${this.#tail}`);
    });
    try {
      return await withTimeout(
        Promise.race([seen, ended]),
        timeoutMs,
        () => `${this.name} did not get ready within ${timeoutMs} ms:\n${this.#tail}`,
      );
    } finally {
      this.#lineListeners.delete(listener);
      ended.catch(() => {});
    }
  }

  /**
   * Asks the process to end, and kills it when it has not ended in time. Settles when it has ended; may be repeated.
   *
   * @param signal the polite request. Default SIGTERM
   * @param graceMs how long it may take, in milliseconds. Default 10,000
   */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<Exit> {
    this.signal(signal);
    try {
      return await withTimeout(this.exited, graceMs, () => '');
    } catch {
      this.signal('SIGKILL');
      return await this.exited;
    }
  }

  #onLine(line: string): void {
    this.#tail = `${this.#tail}${line}\n`.slice(-TAIL_CHARS);
    for (const listener of [...this.#lineListeners]) listener(line);
  }
}

/** @returns false when nobody is left in the group */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

/**
 * Whether the processes of a group have ended and only their entries are left: for orphans that may be for ever, in a
 * container whose first process does not collect them.
 */
function hasOnlyZombies(groupId: number): boolean {
  if (process.platform !== 'linux') return false;
  for (const path of globSync('/proc/[0-9]*/stat')) {
    let stat: string;
    try {
      stat = readFileSync(path, 'utf8');
    } catch {
      // It has ended since the listing.
      continue;
    }
    // pid (name) state parent group ...; the name may hold anything.
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(group) === groupId && state !== 'Z') return false;
  }
  return true;
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream === null) return;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.once('end', () => {
    if (rest !== '') onLine(rest);
  });
  // The pipe of a killed child may break; its end is told by `exited`.
  stream.on('error', () => {});
}

/** `exit` in words. */
export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exit code ${exit.code}` : `killed by ${exit.signal}`;
}

/**
 * An environment that holds only what any program needs, so that nothing which happens to be set on a machine changes
 * how a test ends.
 *
 * @param extra variables to add; an undefined one is left out
 */
export function cleanEnvironment(extra: Readonly<Record<string, string | undefined>> = {}): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env;
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries({ PATH, HOME, TMPDIR, ...extra })) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}
