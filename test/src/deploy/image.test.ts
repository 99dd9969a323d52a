/** The steps of deploy/Dockerfile, carried out in a folder: what comes out runs as its user on a tree it cannot write. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { validate } from 'dockerfile-utils';
import { ChatClient } from '../support/chat-client.js';
import { buildImage, type Image, makeReadOnly, makeWritable, parseOwner, sizeOf } from '../support/dockerfile.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { Child, cleanEnvironment } from '../support/processes.js';
import { api } from '../support/rest.js';
import { recordLog } from '../support/run-records.js';
import { until } from '../support/wait.js';
import { DEPLOY, ROOT, read } from './files.js';

const FILE = join(DEPLOY, 'Dockerfile');
/** What is added to the base image, at most. */
const MAX_BYTES = 120 * 1024 * 1024;
const BUILD_TIMEOUT_MS = 280_000;

describe('deploy/Dockerfile', () => {
  let folder: string;
  let image: Image;
  let pair: Pair;

  before(
    async () => {
      // Another user runs the image.
      folder = await mkdtemp(join(tmpdir(), 'hubbub-image-'));
      chmodSync(folder, 0o755);
      const nodeFolder = join(folder, 'bin');
      mkdirSync(nodeFolder);
      copyFileSync(process.execPath, join(nodeFolder, 'node'));
      image = buildImage({ file: FILE, context: ROOT, folder, nodeFolder });
      makeReadOnly(join(image.root, image.workdir));
      // For a database, a Redis and a key alone.
      pair = await startPair('cluster', { instances: 0 });
    },
    { timeout: BUILD_TIMEOUT_MS },
  );
  after(async () => {
    // The build may have broken off.
    await pair?.stop();
    if (image !== undefined) makeWritable(image.root);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  });

  /** Runs a command of the image as its user. */
  function start([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>>): Promise<Child> {
    return Child.start(program, args, {
      cwd: join(image.root, image.workdir),
      onLine: recordLog,
      env: cleanEnvironment({ ...image.env, ...env, PATH: join(folder, 'bin'), HOME: '/nonexistent' }),
      ...(process.getuid?.() === 0 ? { user: parseOwner(image.user) } : {}),
    });
  }

  it('has no faults that a linter knows', () => {
    assert.deepEqual(validate(read('Dockerfile')), []);
  });

  it('is on Node.js 24, by a user that is not root', () => {
    const bases = [...read('Dockerfile').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    assert.deepEqual(new Set(bases), new Set(['node:24-bookworm-slim']));
    assert.ok(parseOwner(image.user).uid > 0);
  });

  it('holds what runs and nothing else', () => {
    const app = join(image.root, image.workdir);
    for (const gone of ['test', 'server/src', 'server/dist/hub.test.js', 'node_modules/typescript', 'deploy', '.git']) {
      assert.ok(!existsSync(join(app, gone)), `${gone} is in the image`);
    }
    const bytes = sizeOf(image.root);
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
  });

  it('has the command line, with what its commands need', async () => {
    const help = await start(['node', 'server/dist/hubbub.js', 'tail', '--help'], {});
    assert.deepEqual(await help.exited, { code: 0, signal: null }, help.tail);
  });

  it('serves on a tree that it cannot write, says that it is healthy, and ends in good order', async (t) => {
    const port = String(await freePort());
    // On loopback; all else is as the image says.
    const env = { ...pair.env, HOST: '127.0.0.1', PORT: port };
    const server = await start(image.command, env);
    t.after(() => server.stop('SIGKILL'));
    const healthcheck = async () => {
      const probe = await start(image.healthcheck, env);
      return (await probe.exited).code;
    };
    await server.waitForLine((line) => (line.includes('Hubbub is ready') ? true : undefined), 60_000);
    assert.equal(await healthcheck(), 0);
    const url = `http://127.0.0.1:${port}`;
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    assert.equal((await fetch(`${url}/`)).status, 200);
    assert.equal((await fetch(`${url}/embed.js`)).status, 200);
    const token = await pair.token('ada');
    const { body } = await api(url, token).post<Channel>('/api/v1/chat/channels', { name: 'boxed' }, { expect: 201 });
    const client = await ChatClient.connect({ url, path: `/api/v1/chat/channels/${body.id}/ws`, token });
    client.send({ type: 'message', content: 'from a container' });
    assert.equal((await client.next('message')).seq, 1);
    server.signal('SIGTERM');
    assert.equal((await client.closed).code, 1001);
    assert.deepEqual(await server.exited, { code: 0, signal: null }, server.tail);
    await until(async () => (await healthcheck()) === 1);
  });
});
