/** What the system says about processes. Linux only: elsewhere everything is 0. */
import { globSync, readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second in /proc: 100 on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100;

/** Processor time of these processes since their start, in microseconds. Those that have ended count nothing. */
export function cpuUsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    // pid (name) state ... utime stime ...; the name may hold anything.
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
    return sum + (ticks / TICKS_PER_SECOND) * 1e6;
  }, 0);
}

/** Resident memory of these processes, in MiB. */
export function rssMibOf(pids: readonly number[]): number {
  return statusMib(pids, 'VmRSS');
}

/** The most that these processes ever had, in MiB. */
export function peakRssMibOf(pids: readonly number[]): number {
  return statusMib(pids, 'VmHWM');
}

/** Files and sockets that these processes hold open. */
export function openFilesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    try {
      return sum + readdirSync(`/proc/${pid}/fd`).length;
    } catch {
      return sum;
    }
  }, 0);
}

/** A process and its children, of whom PostgreSQL has many. */
export function withChildren(pid: number): number[] {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((path) => read(path).trim().split(' '));
  return [pid, ...children.filter((text) => text !== '').map(Number)];
}

/** Runnable processes, averaged over the last minute. */
export function loadAverage(): number {
  return Number(read('/proc/loadavg').split(' ')[0] ?? 0);
}

function statusMib(pids: readonly number[], key: string): number {
  return pids.reduce((sum, pid) => {
    const kib = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(read(`/proc/${pid}/status`))?.[1];
    return sum + Number(kib ?? 0) / 1024;
  }, 0);
}

/** @returns the empty string for what is not there */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
