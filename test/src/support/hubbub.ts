/** Hubbub as its users run it: a process that is configured by its environment and stopped by a signal. */
import { resolve } from 'node:path';
import { Child, cleanEnvironment, describeExit, type Exit } from './processes.js';
import { recordLog } from './run-records.js';

const MAIN = resolve(import.meta.dirname, '../../../server/dist/main.js');
/** An embedded database is made from nothing at the start, on a machine that may be busy with other tests. */
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
/** Log lines that are kept, from the end. */
const MAX_LOG_LINES = 2000;

/** A line of the JSON log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A running instance. */
export class HubbubProcess {
  /** Base URL, without a slash at the end. */
  readonly url: string;
  /** The same for WebSocket. */
  readonly wsUrl: string;
  /** The end of the log, parsed. */
  readonly logs: readonly LogLine[];
  readonly #child: Child;
  #signalled = false;

  private constructor(child: Child, url: string, logs: readonly LogLine[]) {
    this.#child = child;
    this.url = url.replace(/\/$/, '');
    this.wsUrl = this.url.replace(/^http/, 'ws');
    this.logs = logs;
  }

  /**
   * Starts an instance on a free port; settles when it says that it is ready to serve.
   *
   * @param env its settings: the environment holds these and what any program needs, nothing else
   * @param main the program. Default: that of the workspace
   * @throws when it ends or does not get ready within a minute, with its output
   */
  static async start(env: Readonly<Record<string, string>>, main = MAIN): Promise<HubbubProcess> {
    const logs: LogLine[] = [];
    const child = await Child.start(process.execPath, [main], {
      env: cleanEnvironment({ PORT: '0', ...env }),
      onLine: (text) => {
        recordLog(text);
        const line = parseLogLine(text);
        if (line === null) return;
        logs.push(line);
        if (logs.length > MAX_LOG_LINES) logs.shift();
      },
    });
    try {
      const url = await child.waitForLine(readyUrl, READY_TIMEOUT_MS);
      return new HubbubProcess(child, url, logs);
    } catch (error) {
      await child.stop('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The end of what it wrote, for messages: log lines and whatever else. */
  get output(): string {
    return this.#child.tail;
  }

  /** Settles when the process has ended. Never rejects. */
  get exited(): Promise<Exit> {
    return this.#child.exited;
  }

  /** Sends a signal; does nothing when the process has ended. */
  signal(signal: NodeJS.Signals): void {
    this.#signalled = true;
    this.#child.signal(signal);
  }

  /**
   * Ends the instance as an operator does, by SIGTERM; settles when it has ended. May be repeated, also after
   * {@link signal}, whatever that led to.
   *
   * @throws when it had ended by itself, does not end within 30 s, or not with code 0; with its output
   */
  async stop(): Promise<void> {
    if (this.#child.ended && this.#signalled) return;
    const endedByItself = this.#child.ended;
    // It may stand still by SIGSTOP, and would not see the request.
    this.signal('SIGCONT');
    const exit = await this.#child.stop('SIGTERM', STOP_TIMEOUT_MS);
    await this.#child.outputEnded;
    if (endedByItself) throw new Error(`Hubbub ended by itself (${describeExit(exit)}):\n${this.output}`);
    if (exit.code !== 0) throw new Error(`Hubbub did not stop in good order (${describeExit(exit)}):\n${this.output}`);
  }
}

function readyUrl(text: string): string | undefined {
  const line = parseLogLine(text);
  if (line === null || typeof line.msg !== 'string' || typeof line.url !== 'string') return undefined;
  return line.msg.startsWith('Hubbub is ready') ? line.url : undefined;
}

/** @returns null for what is not a line of the log */
function parseLogLine(text: string): LogLine | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
