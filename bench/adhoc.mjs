// usage: adhoc.mjs name subs mode(sat:inflight | rate:deliveries) seconds

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { placement } from './dist/machine/pin.js';
import { measureLoad } from './dist/measure.js';
import { CONNECT_PARALLEL, range, startFleet, timing } from './dist/scenarios/bench.js';
import { HubbubSystem } from './dist/systems/hubbub.js';
import { Peer } from './dist/systems/peer.js';
import { Servers } from './dist/systems/servers.js';

const tmp = mkdtempSync('/tmp/adhoc-');
chmodSync(tmp, 0o711);
process.env.TMPDIR = tmp;
process.on('exit', () => rmSync(tmp, { recursive: true, force: true }));
const [name, subsText, ...modes] = process.argv.slice(2);
const subs = Number(subsText);
const env = process.env.PROF ? { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${process.env.PROF}` } : {};
const servers = new Servers(placement(), env);
const bench = { servers, quick: false };
try {
  const system =
    name === 'hubbub'
      ? await HubbubSystem.start(servers, { kind: process.env.KIND ?? 'cluster' })
      : await Peer.start(servers, name);
  const fleet = startFleet(bench, subs);
  const channelIds = await system.createChannels(1);
  await fleet.connect(
    system.dialect,
    range(subs).map((u) => system.client(u, channelIds)),
    CONNECT_PARALLEL,
  );
  for (const mode of modes) {
    const [kind, n] = mode.split(':');
    const load =
      kind === 'sat'
        ? { kind: 'closed', senders: range(Number(n)), inFlight: 1 }
        : { kind: 'rate', senders: range(20), perSecond: Number(n) / subs };
    const before = name === 'hubbub' ? await metrics(system) : null;
    const m = await measureLoad(system, fleet, {
      ...timing(bench, 1e6),
      warmUpMs: 2000,
      measureMs: Number(process.env.MS ?? 5000),
      load,
    });
    console.log(
      name,
      subs,
      mode,
      Object.entries(m)
        .map(([k, v]) => `${k} ${Math.round(v * 1000) / 1000}`)
        .join(' '),
    );
    if (before) {
      const after = await metrics(system);
      const d = (k) => (after.get(k) ?? 0) - (before.get(k) ?? 0);
      const avg = (k) => (d(`${k}_sum`) / d(`${k}_count`)).toFixed(5);
      const keys = new Set([...after.keys()].filter((k) => k.endsWith('_count')).map((k) => k.slice(0, -6)));
      console.log(
        '   ',
        [...keys]
          .filter((k) => d(`${k}_count`) > 5)
          .map((k) => `${k} n=${d(`${k}_count`)} avg=${avg(k)}`)
          .join('\n    '),
      );
    }
  }
  await fleet.stop();
  await system.stop();
} finally {
  await servers.stop();
}
async function metrics(system) {
  const text = await (await fetch(`${system.instances[0].url}/metrics`)).text();
  const map = new Map();
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || !line) continue;
    const i = line.lastIndexOf(' ');
    const k = line.slice(0, i).replace(/\{.*\}/, '');
    if (k.endsWith('_bucket')) continue;
    map.set(k, (map.get(k) ?? 0) + Number(line.slice(i + 1)));
  }
  return map;
}
