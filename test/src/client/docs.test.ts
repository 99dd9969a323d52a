/** The code in docs/client.md runs as it stands. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { type Pair, startPair } from '../support/pair.js';

const ROOT = resolve(import.meta.dirname, '../../..');
const SERVER = 'http://127.0.0.1:8080';

let pair: Pair;

before(async () => {
  pair = await startPair('embedded');
});

after(() => pair.stop());

for (const document of ['docs/client.md', 'README.md']) {
  test(`the ten lines of ${document} say hello`, async () => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    const code = text
      .split('```js\n')
      .find((part) => part.startsWith("import { connect, requestDevToken } from '@hubbub/client'"));
    const lines =
      code
        ?.split('```')[0]
        ?.split('\n')
        .filter((line) => line.trim() !== '') ?? [];
    assert.equal(lines.length, 10);
    assert.ok(lines.some((line) => line.includes(SERVER)));
    // Beside the compiled tests, where the workspace's packages are found.
    const path = join(import.meta.dirname, `${document.replace(/\W/g, '-')}.mjs`);
    await writeFile(path, lines.join('\n').replace(SERVER, pair.at(0).url));
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [path], { timeout: 30_000 });
      assert.deepEqual([stdout, stderr], ['1 ada: Hello from ten lines\n', '']);
    } finally {
      await rm(path);
    }
  });
}
