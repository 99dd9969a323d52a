/** The command line without its process: help, mistakes, exit codes, completion. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { COMMANDS } from './commands.js';
import { run } from './run.js';

const LAUNCHER = fileURLToPath(new URL('../hubbub.js', import.meta.url));
const MANIFEST = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

/** @returns exit code, and what was written to each stream */
async function hubbub(...args: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(args, {
    env: {},
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    interruption: () => new AbortController().signal,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

describe('help', () => {
  test('lists all commands, and tells of each with examples and exit codes', async () => {
    for (const args of [[], ['--help'], ['-h'], ['help']]) {
      const { code, out } = await hubbub(...args);
      assert.equal(code, 0);
      for (const { name } of COMMANDS) assert.match(out, new RegExp(`^ {2}${name} `, 'm'));
    }
    for (const { name } of COMMANDS) {
      const { code, out } = await hubbub(name, '--help');
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^Usage: hubbub ${name}`));
      assert.match(out, /^Examples\n {2}\S/m);
      assert.match(out, /^Exit codes: 0 /m);
      assert.deepEqual(await hubbub('help', name), { code, out, err: '' });
    }
    assert.deepEqual(await hubbub('--version'), { code: 0, out: MANIFEST.version, err: '' });
  });
});

describe('a mistake', () => {
  const mistakes: [string[], RegExp][] = [
    [['strat'], /no command strat\. Did you mean start\?\nSee hubbub --help\.$/],
    [['xyzzy'], /no command xyzzy\.\nSee/],
    [['help', 'tial'], /Did you mean tail\?/],
    [['--hlep'], /no option --hlep\. Did you mean --help\?/],
    [['token', '--usr', 'ada'], /token has no option --usr\. Did you mean --user\?\nSee hubbub token --help\.$/],
    [['start', '--port', '9000'], /start has no option --port\./],
    [['token'], /--user NAME/],
    [['token', '--user'], /--user/],
    [['token', '--user', 'ada', '--role', 'admn'], /not "admn"\. Did you mean admin\?/],
    [['token', '--user', 'ada', '--ttl', 'long'], /--ttl takes a whole number from 1 /],
    [['migrate', 'upp'], /not "upp"\. Did you mean up\?/],
    [['migrate', 'up', 'down'], /"down"/],
    [['audit'], /verify/],
    [['completion', 'csh'], /bash, zsh, fish/],
    [['tail'], /a channel, by its id or its name/],
    [['tail', 'general', '--since', '-1'], /--since/],
    [['tail', 'general', '--url', 'chat.example.com'], /begins with http/],
    [['load', '--duration', '301'], /from 1 to 300/],
    [['load', '--connections', '1001'], /from 1 to 1000/],
    [['load', '--rate', '0'], /from 1 to 1000/],
    [['load', '--connections', '1000', '--rate', '1000'], /10000 at most/],
    [['load', '--url', 'http://8.8.8.8'], /hosts of your own alone.*8\.8\.8\.8 is a public/],
  ];
  for (const [args, expected] of mistakes) {
    test(`hubbub ${args.join(' ')}: exit code 2 and a hint`, async () => {
      const { code, out, err } = await hubbub(...args);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, expected);
    });
  }
});

describe('completion', () => {
  /** What bash offers for the last word. */
  function complete(script: string, words: readonly string[]): string[] {
    const asked = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _hubbub`;
    const output = execFileSync('bash', ['-c', `${script}\n${asked}; printf '%s\\n' "\${COMPREPLY[@]}"`], {
      encoding: 'utf8',
    });
    return output.split('\n').filter((line) => line !== '');
  }

  test('of bash knows commands, options and their values', async () => {
    const { out } = await hubbub('completion', 'bash');
    assert.deepEqual(complete(out, ['hubbub', 'ta']), ['tail']);
    assert.deepEqual(complete(out, ['hubbub', 'help', 'lo']), ['load']);
    assert.deepEqual(complete(out, ['hubbub', 'tail', '--s']), ['--since']);
    assert.deepEqual(complete(out, ['hubbub', 'migrate', 'd']), ['down']);
    assert.deepEqual(complete(out, ['hubbub', 'token', '--role', '']), ['user', 'moderator', 'admin']);
    assert.deepEqual(complete(out, ['hubbub', 'token', '--user', '']), []);
    assert.deepEqual(complete(out, ['hubbub', 'tail', '--token-file', '/etc/pass']).includes('/etc/passwd'), true);
  });

  test('of every shell names every command and option', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, out } = await hubbub('completion', shell);
      assert.equal(code, 0);
      for (const { name, load } of COMMANDS) {
        assert.match(out, new RegExp(`\\b${name}\\b`));
        for (const option of Object.keys((await load()).options)) assert.match(out, new RegExp(`(--|-l )${option}\\b`));
      }
    }
  });
});

test('a Node.js that is too old is told so in a sentence', () => {
  const [, oldest = ''] = /^>=(\d+\.\d+)$/.exec(MANIFEST.engines.node) ?? [];
  const [major = 0, minor = 0] = oldest.split('.').map(Number);
  /** Runs the launcher as if on another version; what it would import is only reached on one that will do. */
  const launch = (version: string) => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
    const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, LAUNCHER, '--version'];
    try {
      return { code: 0, out: execFileSync(process.execPath, args, { encoding: 'utf8', stdio: 'pipe' }) };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return { code: status, out: stderr };
    }
  };
  for (const version of ['20.20.2', `${major}.${minor - 1}.0`]) {
    const { code, out } = launch(version);
    assert.equal(code, 1);
    assert.match(
      out,
      new RegExp(`^Hubbub needs Node\\.js ${oldest.replace('.', '\\.')} or newer, and this is ${version} .*\\n$`),
    );
  }
  assert.deepEqual(launch(`${oldest}.0`), { code: 0, out: `${MANIFEST.version}\n` });
});
