/** What a command of the command line is, and how its arguments are read. */
import { parseArgs } from 'node:util';
import { suggest } from './nearest.js';

/** What a command may touch of its process. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes a line to standard output. */
  readonly out: (line: string) => void;
  /** Writes a line to standard error. */
  readonly err: (line: string) => void;
  /** Shows a line on the terminal in place of the last one; absent: nobody watches. */
  readonly rewrite?: (line: string) => void;
  /** Aborted by Ctrl-C and SIGTERM, which from the first call on no longer end the process; the second one does. */
  readonly interruption: () => AbortSignal;
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly default?: string;
  /** What stands for its value in the help, like `SECONDS`; `FILE` is completed by the shell. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly help: string;
}

type Options = Readonly<Record<string, OptionSpec>>;

/** Values by option; a boolean option that was not given is absent. */
type Values<O extends Options> = {
  readonly [K in keyof O]: O[K]['type'] extends 'boolean'
    ? boolean | undefined
    : O[K] extends { readonly default: string }
      ? string
      : string | undefined;
};

export interface Input<O extends Options> {
  readonly values: Values<O>;
  /** What is no option, in its order. */
  readonly operands: readonly string[];
}

interface CommandSpec<O extends Options> {
  readonly name: string;
  /** What stands after the name in the usage line; an empty text: nothing. */
  readonly usage: string;
  /** What it does, for its own help. */
  readonly about: string;
  readonly options: O;
  /** Operands that it takes, one at most; absent: none. */
  readonly operand?: { readonly name: string; readonly choices?: readonly string[]; readonly default?: string };
  /** Beside those that all commands have. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  readonly examples: readonly string[];
  /**
   * Settles with the exit code when all is done.
   *
   * @throws UsageError for arguments that make no sense; anything else counts as a failure
   */
  readonly run: (input: Input<O>, io: Io) => Promise<number>;
}

/** A command whose options are known at run time only. */
export type Command = Omit<CommandSpec<Options>, 'run'> & {
  readonly runWith: (args: readonly string[], io: Io) => Promise<number>;
};

/** A command's place in the list of all. */
export interface Entry {
  readonly name: string;
  /** One line, for the list. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Arguments that make no sense: exit code 2, with a pointer to the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something went wrong for which a sentence says it all: exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure';
}

export function defineCommand<const O extends Options>(spec: CommandSpec<O>): Command {
  const { run, ...rest } = spec;
  return { ...rest, runWith: (args, io) => run(readArguments(spec, args), io) };
}

function readArguments<O extends Options>(spec: CommandSpec<O>, args: readonly string[]): Input<O> {
  const { name, operand } = spec;
  const options: Options = spec.options;
  const config = { args: [...args], options: parseOptions(options), allowPositionals: true } as const;
  for (const token of parseArgs({ ...config, strict: false, tokens: true }).tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const known = Object.keys(options).map((each) => `--${each}`);
    throw new UsageError(`${name} has no option ${token.rawName}.${suggest(token.rawName, known)}`);
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs(config);
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const [option, { choices }] of Object.entries(options)) {
    const value = parsed.values[option];
    if (choices !== undefined && typeof value === 'string') assertChoice(`--${option}`, value, choices);
  }
  const operands = parsed.positionals;
  const most = operand === undefined ? 0 : 1;
  const surplus = operands[most];
  if (surplus !== undefined) throw new UsageError(`${name} does not know what to do with "${surplus}".`);
  if (operand !== undefined && operands.length === 0) {
    if (operand.default === undefined) {
      throw new UsageError(`${name} needs ${operand.choices?.join(', ') ?? operand.name}.`);
    }
    operands.push(operand.default);
  }
  if (operand?.choices !== undefined) assertChoice(name, operands[0] ?? '', operand.choices);
  return { values: parsed.values as Values<O>, operands };
}

function parseOptions(options: Options) {
  const known = Object.entries(options).map(([name, { type, default: value }]) => [
    name,
    { type, ...(value === undefined ? {} : { default: value }) },
  ]);
  return Object.fromEntries(known) as Record<string, { type: 'string' | 'boolean'; default?: string }>;
}

function assertChoice(what: string, value: string, choices: readonly string[]): void {
  if (choices.includes(value)) return;
  throw new UsageError(`${what} takes ${choices.join(', ')}, not "${value}".${suggest(value, choices)}`);
}

/**
 * The whole number that an option gives.
 *
 * @throws UsageError when it is none, or not within the bounds
 */
export function readInteger(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${option} takes a whole number from ${min} to ${max}, not "${text}".`);
  }
  return value;
}
