#!/usr/bin/env node
/*
 * The command `hubbub`. Nothing is imported before the version is known: an older Node.js fails at the import with words
 * that help nobody. For the same reason nothing here is newer than the modules of Node.js 14.
 */

// As `engines` in package.json has it.
const MIN_MAJOR = 22;
const MIN_MINOR = 13;

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > MIN_MAJOR || (major === MIN_MAJOR && minor >= MIN_MINOR)) import('./cli/process.js');
else {
  console.error(
    `Hubbub needs Node.js ${MIN_MAJOR}.${MIN_MINOR} or newer, and this is ${process.versions.node} (${process.execPath}): ` +
      'install a newer one from https://nodejs.org.',
  );
  process.exitCode = 1;
}
