/*
 * Prints what the server is made of, in CycloneDX: `npm run sbom`.
 *
 * `npm sbom --omit dev` leaves out whatever any package of the workspace has among its tools of development, also where the
 * server needs it to run (pg-protocol, ws). So the whole list is asked for, and package-lock.json says what is a tool alone.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const { packages } = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8'));
const needed = new Set();
const tools = new Set();
for (const [path, { version, dev }] of Object.entries(packages)) {
  (dev === true ? tools : needed).add(`${path.replace(/^.*node_modules\//, '')}@${version}`);
}
const isNeeded = (ref) => needed.has(ref) || !tools.has(ref);

const args = ['sbom', '--sbom-format', 'cyclonedx', '--workspace', 'server'];
const bom = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }));
bom.components = bom.components.filter((component) => isNeeded(component['bom-ref']));
bom.dependencies = bom.dependencies
  .filter(({ ref }) => isNeeded(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter(isNeeded) }));
console.log(JSON.stringify(bom, null, 2));
