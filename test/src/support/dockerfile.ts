/**
 * A Dockerfile carried out without a container engine: each stage is a folder, and its instructions do there what they
 * would do in an image. What it cannot do truly it refuses, so that a Dockerfile that passes is known to be right.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, relative } from 'node:path';
import {
  type Copy,
  DockerfileParser,
  type Env,
  type From,
  type Instruction,
  type JSONInstruction,
} from 'dockerfile-ast';
import { cleanEnvironment } from './processes.js';

const RUN_TIMEOUT_MS = 240_000;
const IGNORED = new Set(['EXPOSE']);

/** What an image says about how it is run. */
export interface Image {
  /** Folder that stands for its root. */
  readonly root: string;
  /** Working directory inside it, absolute from its root. */
  workdir: string;
  readonly env: Record<string, string>;
  /** As in the file, `uid:gid`. */
  user: string;
  command: readonly string[];
  healthcheck: readonly string[];
}

export interface BuildOptions {
  /** Path of the Dockerfile; `<path>.dockerignore` beside it says what is left out of the context. */
  readonly file: string;
  readonly context: string;
  /** An empty folder. */
  readonly folder: string;
  /** Folder with the `node` of the base image. */
  readonly nodeFolder: string;
}

/**
 * Builds the last stage.
 *
 * @throws when a RUN fails, with its output, and for what is not understood
 */
export function buildImage(options: BuildOptions): Image {
  const stages = new Map<string, Image>();
  let image: Image | null = null;
  for (const instruction of DockerfileParser.parse(readFileSync(options.file, 'utf8')).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const name = (instruction as From).getBuildStage() ?? `stage-${stages.size}`;
      image = { root: join(options.folder, name), workdir: '/', env: {}, user: '', command: [], healthcheck: [] };
      mkdirSync(image.root);
      stages.set(name, image);
    } else if (image === null) throw new Error('The Dockerfile does not begin with FROM');
    else apply(instruction, image, stages, options);
  }
  if (image === null) throw new Error('The Dockerfile makes no image');
  return image;
}

function apply(
  instruction: Instruction,
  image: Image,
  stages: ReadonlyMap<string, Image>,
  options: BuildOptions,
): void {
  const keyword = instruction.getKeyword();
  const text = instruction.getArgumentsContent() ?? '';
  if (IGNORED.has(keyword)) return;
  if (keyword === 'WORKDIR') {
    image.workdir = text;
    mkdirSync(join(image.root, text), { recursive: true });
  } else if (keyword === 'ENV') {
    for (const each of (instruction as Env).getProperties()) image.env[each.getName()] = each.getValue() ?? '';
  } else if (keyword === 'USER') image.user = text;
  else if (keyword === 'CMD') image.command = words(instruction as JSONInstruction);
  else if (keyword === 'HEALTHCHECK') image.healthcheck = JSON.parse(text.slice(text.indexOf('[')));
  else if (keyword === 'RUN') run(text, image, options);
  else if (keyword === 'COPY') copy(instruction as Copy, image, stages, options);
  else throw new Error(`${keyword} is not understood here`);
}

function words(instruction: JSONInstruction): string[] {
  return instruction.getJSONStrings().map((each) => each.getJSONValue());
}

function run(command: string, image: Image, { nodeFolder }: BuildOptions): void {
  // An absolute path would reach out of the folder that stands for the image.
  if (/(^|[\s'"=])\//.test(command)) throw new Error(`RUN with an absolute path: ${command}`);
  const { status, signal, stdout, stderr } = spawnSync('sh', ['-c', command], {
    cwd: join(image.root, image.workdir),
    encoding: 'utf8',
    timeout: RUN_TIMEOUT_MS,
    env: cleanEnvironment({
      ...image.env,
      PATH: `${nodeFolder}:${process.env.PATH}`,
      // What the machine has is as good as what the registry would send again.
      npm_config_prefer_offline: 'true',
    }),
  });
  if (status !== 0) throw new Error(`RUN ${command} (${signal ?? status}):\n${stdout}${stderr}`);
}

function copy(instruction: Copy, image: Image, stages: ReadonlyMap<string, Image>, options: BuildOptions): void {
  const [from, to, ...more] = instruction.getArguments().map((each) => each.getValue());
  if (from === undefined || to === undefined || more.length > 0) throw new Error('COPY takes one source here');
  const flags = new Map(instruction.getFlags().map((flag) => [flag.getName(), flag.getValue() ?? '']));
  const stage = flags.get('from');
  const base = stage === undefined ? options.context : stages.get(stage)?.root;
  if (base === undefined) throw new Error(`COPY from the unknown stage ${stage}`);
  const source = join(base, from);
  const place = to.startsWith('/') ? join(image.root, to) : join(image.root, image.workdir, to);
  const target = to.endsWith('/') && lstatSync(source).isFile() ? join(place, basename(from)) : place;
  const ignored = stage === undefined ? readIgnored(options.file) : [];
  mkdirSync(dirname(target), { recursive: true });
  cpSync(source, target, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) => !ignored.some((pattern) => matchesGlob(relative(base, path), pattern)),
  });
  const owner = flags.get('chown');
  if (owner !== undefined) chownAll(target, owner);
}

function readIgnored(file: string): string[] {
  const lines = readFileSync(`${file}.dockerignore`, 'utf8').split('\n');
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
}

/** User and group of `uid:gid`. */
export function parseOwner(owner: string): { uid: number; gid: number } {
  const [uid = Number.NaN, gid = Number.NaN] = owner.split(':').map(Number);
  if (!Number.isInteger(uid) || !Number.isInteger(gid)) throw new Error(`Not a user by number: ${owner}`);
  return { uid, gid };
}

/** Only root can give files away; for others they stay their own. */
function chownAll(path: string, owner: string): void {
  const { uid, gid } = parseOwner(owner);
  if (process.getuid?.() !== 0) return;
  for (const each of [path, ...everythingIn(path)]) lchownSync(each, uid, gid);
}

/** Takes the right to write from everyone, in a whole tree: what a read-only file system does. */
export function makeReadOnly(path: string): void {
  for (const each of [path, ...everythingIn(path)]) {
    const stat = lstatSync(each);
    if (stat.isSymbolicLink()) continue;
    if (process.getuid?.() === 0) chownSync(each, 0, 0);
    chmodSync(each, stat.isDirectory() || (stat.mode & 0o111) !== 0 ? 0o555 : 0o444);
  }
}

/** Gives the owner his right back, so that it can be removed. */
export function makeWritable(path: string): void {
  for (const each of [path, ...everythingIn(path)]) if (lstatSync(each).isDirectory()) chmodSync(each, 0o755);
}

/** Bytes of all files in a tree. */
export function sizeOf(path: string): number {
  return everythingIn(path).reduce((sum, each) => sum + lstatSync(each).size, 0);
}

function everythingIn(path: string): string[] {
  if (!lstatSync(path).isDirectory()) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).map((each) => join(path, each));
}
