import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Which processors the parts of a bench run on; null: wherever the system puts them. */
export interface Placement {
  /** Of the server under load. */
  readonly server: string | null;
  /** Of everything else: the generator, PostgreSQL, Redis. */
  readonly others: string | null;
}

/** The server alone on the first processor, everything else on the rest; nowhere in particular if there is but one. */
export function placement(): Placement {
  const processors = availableParallelism();
  if (processors < 2 || spawnSync('taskset', ['-V'], { stdio: 'ignore' }).status !== 0) {
    return { server: null, others: null };
  }
  return { server: '0', others: processors === 2 ? '1' : `1-${processors - 1}` };
}

/** Moves a process with all its threads. Children that it makes later stay there as well. */
export function pin(pid: number, cpus: string): void {
  const { status, stderr } = spawnSync('taskset', ['-a', '-c', '-p', cpus, String(pid)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`taskset refused to move ${pid} to ${cpus}: ${stderr}`);
}
