/** What people read. */
import type { FileResult } from './run-file.js';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
}

/** Tests that passed, and failures: those of tests, of suites' own hooks, and of whole files. */
export function totalsOf(files: readonly FileResult[]): Totals {
  const results = files.flatMap((file) => file.results);
  const passed = results.filter(({ error }) => error === null).length;
  const problems = files.reduce((sum, file) => sum + file.problems.length, 0);
  return { passed, failed: results.length - passed + problems };
}

/** A file's tests, one a line, with their durations; what it wrote only when something failed. */
export function describeFile({ file, durationMs, results, problems, output }: FileResult): string {
  const lines = results.map(({ path, error, durationMs }) => `  ${mark(error)} ${name(path)} (${time(durationMs)})`);
  lines.push(...problems.map((problem) => `  ${mark(problem)} ${problem.split('\n')[0]}`));
  const failed = problems.length > 0 || results.some(({ error }) => error !== null);
  if (failed && output.trim() !== '') lines.push('  It wrote:', indent(output.trimEnd(), '  | '));
  return [`${file.source} (${time(durationMs)})`, ...lines].join('\n');
}

/** Every failure in full, for the end of the run; empty when there is none. */
export function describeFailures(files: readonly FileResult[]): string {
  const failures = files.flatMap(({ file, results, problems }) => [
    ...results.flatMap(({ path, error }) => (error === null ? [] : [failure(file.source, name(path), error)])),
    ...problems.map((problem) => failure(file.source, 'the file as a whole', problem)),
  ]);
  return failures.length === 0 ? '' : ['Failed:', ...failures].join('\n\n');
}

function failure(source: string, what: string, error: string): string {
  return `✖ ${source}: ${what}\n${indent(error, '    ')}`;
}

function mark(error: string | null): string {
  return error === null ? '✔' : '✖';
}

function name(path: readonly string[]): string {
  return path.join(' > ');
}

function time(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function indent(text: string, prefix: string): string {
  return text
    .split('\n')
    .map((line) => prefix + line)
    .join('\n');
}
