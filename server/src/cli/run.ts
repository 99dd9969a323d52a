/** Finds the command that the arguments name, and turns what becomes of it into an exit code. */
import { VERSION } from '../version.js';
import { Failure, type Io, UsageError } from './command.js';
import { COMMANDS } from './commands.js';
import { helpOf, overview } from './help.js';
import { suggest } from './nearest.js';

const HELP_OPTIONS = new Set(['--help', '-h']);
const VERSION_OPTIONS = new Set(['--version', '-v']);

/**
 * Runs one command.
 *
 * @param args what stands after `hubbub`
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage. Does not throw
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    if (error instanceof UsageError) {
      const command = COMMANDS.find(({ name }) => name === args[0]);
      io.err(error.message);
      io.err(`See hubbub ${command === undefined ? '' : `${command.name} `}--help.`);
      return 2;
    }
    io.err(error instanceof Failure ? error.message : await explained(error));
    return 1;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: Io): Promise<number> {
  if (name !== undefined && VERSION_OPTIONS.has(name)) {
    io.out(VERSION);
    return 0;
  }
  if (name === undefined || HELP_OPTIONS.has(name) || (name === 'help' && rest.length === 0)) {
    io.out(overview());
    return 0;
  }
  const isHelp = name === 'help';
  const wanted = isHelp ? (rest[0] ?? '') : name;
  const command = COMMANDS.find((each) => each.name === wanted);
  if (command === undefined) {
    const what = wanted.startsWith('-') ? 'option' : 'command';
    const known = what === 'option' ? ['--help', '--version'] : COMMANDS.map((each) => each.name);
    throw new UsageError(`There is no ${what} ${wanted}.${suggest(wanted, known)}`);
  }
  const loaded = await command.load();
  if (isHelp || rest.some((each) => HELP_OPTIONS.has(each))) {
    io.out(helpOf(loaded));
    return 0;
  }
  return await loaded.runWith(rest, io);
}

/** What went wrong, in a sentence where the server has one for it. */
async function explained(error: unknown): Promise<string> {
  const { explain } = await import('../lifecycle.js');
  const explanation = explain(error);
  return explanation instanceof Error ? explanation.message : String(explanation);
}
