/** Which test files there are. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = ['protocol', 'client', 'server', 'web', 'test', 'bench'];

export interface TestFile {
  /** What people know it by: the path of its source, from the root of the workspace. */
  readonly source: string;
  /** Absolute path of the compiled file. */
  readonly compiled: string;
}

/**
 * The compiled test files of all packages, sorted by path. One whose source is gone is left over from an earlier build,
 * and does not count.
 *
 * @param root of the workspace
 * @param filters parts of a source path; a file counts when it contains one of them. None: every file counts
 */
export function findTestFiles(root: string, filters: readonly string[]): TestFile[] {
  return PACKAGES.flatMap((name) => globSync(`${name}/dist/**/*.test.js`, { cwd: root }))
    .map((path) => ({
      source: path.replaceAll('\\', '/').replace('/dist/', '/src/').replace(/\.js$/, '.ts'),
      compiled: join(root, path),
    }))
    .filter(({ source }) => existsSync(join(root, source)))
    .filter(({ source }) => filters.length === 0 || filters.some((filter) => source.includes(filter)))
    .sort((a, b) => (a.source < b.source ? -1 : 1));
}
