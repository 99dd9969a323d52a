import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CrewAnswer, CrewCommand, CrewOrder, CrewProgress } from './crew-order.js';

const ENTRY = fileURLToPath(new URL('./crew-process.js', import.meta.url));

/** A process full of clients, as its parent sees it. */
export class Crew {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Settles when its clients have begun to come. */
  static async start(order: CrewOrder): Promise<Crew> {
    const crew = new Crew(fork(ENTRY, [], { execArgv: ['--enable-source-maps'] }));
    await crew.#ask({ kind: 'order', order }, 'ready');
    return crew;
  }

  async progress(): Promise<CrewProgress> {
    return (await this.#ask({ kind: 'progress' }, 'progress')).progress;
  }

  /** Tells everyone to start nothing new, to come back, and to finish. */
  quiet(): void {
    this.#tell({ kind: 'quiet' });
  }

  /** In how many channels a client has not got up to the head. */
  async behind(heads: readonly number[]): Promise<number> {
    return (await this.#ask({ kind: 'reached', heads }, 'reached')).behind;
  }

  /** Settles when its events are in their file. */
  async end(): Promise<void> {
    await this.#ask({ kind: 'end' }, 'ended');
  }

  /** Ends it, whatever it does. May be repeated. */
  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }

  #tell(command: CrewCommand): void {
    this.#child.send(command);
  }

  #ask<K extends CrewAnswer['kind']>(command: CrewCommand, kind: K): Promise<Extract<CrewAnswer, { kind: K }>> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: CrewAnswer) => {
        if (!isOf(message, kind)) return;
        done();
        resolve(message);
      };
      const onExit = (code: number | null) => {
        done();
        reject(new Error(`A process of clients ended with ${code}`));
      };
      const done = () => {
        this.#child.off('message', onMessage);
        this.#child.off('exit', onExit);
      };
      this.#child.on('message', onMessage);
      this.#child.on('exit', onExit);
      this.#tell(command);
    });
  }
}

function isOf<K extends CrewAnswer['kind']>(answer: CrewAnswer, kind: K): answer is Extract<CrewAnswer, { kind: K }> {
  return answer.kind === kind;
}
