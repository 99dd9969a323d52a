/** A throw-away nginx with the very files of deploy/nginx: only the site's own files in hubbub/ are others. */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { findNginx } from './binaries.js';
import { freePort } from './ports.js';
import { Child } from './processes.js';
import { until } from './wait.js';

const FILES = resolve(import.meta.dirname, '../../../deploy/nginx');
const START_TIMEOUT_MS = 15_000;

/** An nginx on 127.0.0.1 that ends TLS with a certificate of its own. */
export class NginxServer {
  /** Base URL over TLS, without a slash at the end. */
  readonly url: string;
  /** The same without TLS, from where it sends to the other. */
  readonly plainUrl: string;
  /** The certificate, PEM. */
  readonly ca: string;
  readonly #child: Child;
  readonly #folder: string;

  private constructor(parts: { url: string; plainUrl: string; ca: string; child: Child; folder: string }) {
    this.url = parts.url;
    this.plainUrl = parts.plainUrl;
    this.ca = parts.ca;
    this.#child = parts.child;
    this.#folder = parts.folder;
  }

  /**
   * Settles when it takes connections.
   *
   * @param upstreams `host:port` of each instance
   * @throws when it is not installed, does not like its files, or does not start, with its output
   */
  static async start(upstreams: readonly string[]): Promise<NginxServer> {
    const program = findNginx();
    if (program === null) throw new Error('nginx is not installed');
    const folder = await mkdtemp(join(tmpdir(), 'hubbub-nginx-'));
    const [port, plainPort] = [await freePort(), await freePort()];
    await cp(FILES, folder, { recursive: true });
    const site = join(folder, 'hubbub');
    await replaceAddress(join(site, 'listen.conf'), '443', port);
    await replaceAddress(join(site, 'listen-plain.conf'), '80', plainPort);
    const upstreamFile = join(site, 'upstream.conf');
    let upstream = await readFile(upstreamFile, 'utf8');
    for (const [index, address] of upstreams.entries()) {
      upstream = upstream.replace(`hubbub-${index + 1}:8080`, address);
    }
    await writeFile(upstreamFile, upstream);
    makeCertificate(site);
    const ca = await readFile(join(site, 'fullchain.pem'), 'utf8');
    const globals = `daemon off; pid ${join(folder, 'nginx.pid')};`;
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', globals];
    const child = await Child.start(program, args);
    const plainUrl = `http://127.0.0.1:${plainPort}`;
    try {
      await until(async () => child.ended || (await answers(plainUrl)), { timeoutMs: START_TIMEOUT_MS });
      if (child.ended) throw new Error('It has ended');
    } catch (error) {
      await child.stop();
      throw new Error(`nginx did not start:\n${child.tail}`, { cause: error });
    }
    return new NginxServer({ url: `https://127.0.0.1:${port}`, plainUrl, ca, child, folder });
  }

  /** The end of its error log. */
  get output(): string {
    return this.#child.tail;
  }

  /** Ends it and leaves nothing behind. May be repeated. */
  async stop(): Promise<void> {
    await this.#child.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Keeps the parameters of the first `listen`, and leaves the one for IPv6 out. */
async function replaceAddress(path: string, from: string, port: number): Promise<void> {
  const [first = ''] = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, first.replace(`listen ${from}`, `listen 127.0.0.1:${port}`));
}

function makeCertificate(folder: string): void {
  const subject = ['-subj', '/CN=Hubbub test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'privkey.pem'];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', ...key, ...subject, '-out', 'fullchain.pem'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`No certificate could be made: ${stderr}`);
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = httpRequest(url, (response) => {
      response.resume();
      resolve(true);
    });
    request.once('error', () => resolve(false));
    request.end();
  });
}
