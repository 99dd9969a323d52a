import { type Command, defineCommand, type Entry } from './command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** @param entries the commands that are completed */
export function makeCompletion(entries: readonly Entry[]): Command {
  return defineCommand({
    name: 'completion',
    usage: 'bash|zsh|fish',
    about: 'Prints a script by which the shell completes commands, options and their values.',
    options: {},
    operand: { name: 'a shell', choices: SHELLS },
    examples: [
      'hubbub completion bash > ~/.local/share/bash-completion/completions/hubbub',
      'hubbub completion zsh > /usr/local/share/zsh/site-functions/_hubbub',
      'hubbub completion fish > ~/.config/fish/completions/hubbub.fish',
    ],
    run: async ({ operands: [shell] }, io) => {
      const commands = await Promise.all(entries.map(async ({ load, summary }) => wordsOf(await load(), summary)));
      const make = { bash, zsh, fish }[shell as (typeof SHELLS)[number]];
      io.out(make(commands).trimEnd());
      return 0;
    },
  });
}

interface Option {
  /** With its dashes. */
  readonly flag: string;
  readonly help: string;
  /** What its value may be; null: it takes none, or anything. */
  readonly choices: readonly string[] | null;
  readonly takesValue: boolean;
  readonly takesFile: boolean;
}

/** What can be written after a command's name. */
interface Words {
  readonly name: string;
  readonly summary: string;
  readonly operands: readonly string[];
  readonly options: readonly Option[];
}

function wordsOf({ name, options, operand }: Command, summary: string): Words {
  const known = Object.entries(options).map(
    ([option, spec]): Option => ({
      flag: `--${option}`,
      help: spec.help,
      choices: spec.choices ?? null,
      takesValue: spec.type === 'string',
      takesFile: spec.value === 'FILE',
    }),
  );
  const help = { flag: '--help', help: 'what it takes', choices: null, takesValue: false, takesFile: false };
  return { name, summary, operands: operand?.choices ?? [], options: [...known, help] };
}

function bash(commands: readonly Words[]): string {
  const names = [...commands.map(({ name }) => name), 'help', '--help', '--version'].join(' ');
  const values = commands.flatMap(({ name, options }) =>
    options
      .filter(({ takesValue }) => takesValue)
      .map(({ flag, choices, takesFile }) => {
        const reply = takesFile
          ? 'COMPREPLY=($(compgen -f -- "$word"))'
          : `COMPREPLY=($(compgen -W ${quote(choices?.join(' ') ?? '')} -- "$word"))`;
        return `        ${name}:${flag}) ${reply}; return ;;`;
      }),
  );
  const words = commands.map(({ name, operands, options }) => {
    const all = [...operands, ...options.map(({ flag }) => flag)].join(' ');
    return `        ${name}) words=${quote(all)} ;;`;
  });
  return `# bash completion for hubbub
_hubbub() {
    local word=\${COMP_WORDS[COMP_CWORD]} words=
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W ${quote(names)} -- "$word"))
        return
    fi
    case \${COMP_WORDS[1]}:\${COMP_WORDS[COMP_CWORD - 1]} in
${values.join('\n')}
    esac
    case \${COMP_WORDS[1]} in
        help) words=${quote(commands.map(({ name }) => name).join(' '))} ;;
${words.join('\n')}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _hubbub hubbub
`;
}

function zsh(commands: readonly Words[]): string {
  const described = (word: string, text: string) => quote(`${word}:${text.replaceAll(':', '\\:')}`);
  const names = commands.map(({ name, summary }) => `        ${described(name, summary)}`);
  const cases = commands.map(({ name, operands, options }) => {
    const specs = options.map(({ flag, help, choices, takesValue, takesFile }) => {
      const value = takesFile ? ':file:_files' : takesValue ? `:value:(${choices?.join(' ') ?? ''})` : '';
      return quote(`${flag}[${help.replaceAll(/[[\]:]/g, '\\$&')}]${value}`);
    });
    if (operands.length > 0) specs.push(quote(`1:what:(${operands.join(' ')})`));
    return `        ${name}) _arguments ${specs.join(' ')} ;;`;
  });
  return `#compdef hubbub
_hubbub() {
    local -a commands
    commands=(
${names.join('\n')}
    )
    if ((CURRENT == 2)); then
        _describe command commands
        return
    fi
    local command=\${words[2]}
    shift words
    ((CURRENT--))
    case $command in
        help) _describe command commands ;;
${cases.join('\n')}
    esac
}
if [[ $funcstack[1] == _hubbub ]]; then _hubbub "$@"; else compdef _hubbub hubbub; fi
`;
}

function fish(commands: readonly Words[]): string {
  const lines = ['# fish completion for hubbub', 'complete -c hubbub -f'];
  for (const { name, summary, operands, options } of commands) {
    lines.push(`complete -c hubbub -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`);
    const within = `complete -c hubbub -n ${quote(`__fish_seen_subcommand_from ${name}`)}`;
    if (operands.length > 0) lines.push(`${within} -a ${quote(operands.join(' '))}`);
    for (const { flag, help, choices, takesValue, takesFile } of options) {
      const value = takesFile
        ? ' -r -F'
        : takesValue
          ? ` -x${choices === null ? '' : ` -a ${quote(choices.join(' '))}`}`
          : '';
      lines.push(`${within} -l ${flag.slice(2)}${value} -d ${quote(help)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** A word for any of the three shells. None of the texts has a single quote in it, which each would write differently. */
function quote(text: string): string {
  if (text.includes("'")) throw new Error(`a text with a quote: ${text}`);
  return `'${text}'`;
}
