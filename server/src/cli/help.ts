/** The texts of `--help`. */
import type { Command } from './command.js';
import { COMMANDS } from './commands.js';

const EXIT_CODES: Readonly<Record<number, string>> = { 0: 'done', 1: 'failed', 2: 'wrong usage' };

/** The help of the program. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  return `hubbub: self-hosted real-time chat server

Usage: hubbub <command> [options]

Commands
${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

  hubbub <command> --help   what a command takes, with examples
  hubbub --version          the version

The configuration is in the environment, the same for all commands: DATABASE_URL, REDIS_URL, JWT_PUBLIC_KEY, ... Without
any, everything is embedded and in development mode.

Examples
  hubbub start
  hubbub doctor
  hubbub tail general
  DATABASE_URL=postgres://localhost/chat hubbub migrate status

${exitCodes()}`;
}

/** The help of one command. */
export function helpOf({ name, usage, about, options, exitCodes: codes, examples }: Command): string {
  const rows = Object.entries(options).map(([option, spec]): [string, string] => {
    const { value, choices, default: standard, help } = spec;
    const shown = choices?.join('|') ?? value;
    return [
      `--${option}${shown === undefined ? '' : ` ${shown}`}`,
      standard === undefined ? help : `${help} (default: ${standard})`,
    ];
  });
  rows.push(['--help', 'this text']);
  const width = Math.max(...rows.map(([left]) => left.length));
  return `Usage: hubbub ${name}${usage === '' ? '' : ` ${usage}`}

${about}

Options
${rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n')}

Examples
${examples.map((each) => `  ${each}`).join('\n')}

${exitCodes(codes)}`;
}

function exitCodes(more: Readonly<Record<number, string>> = {}): string {
  const codes = Object.entries({ ...EXIT_CODES, ...more }).map(([code, meaning]) => `${code} ${meaning}`);
  return `Exit codes: ${codes.join(', ')}`;
}
