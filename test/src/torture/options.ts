import { parseArgs } from 'node:util';
import { FAULT_KINDS, type FaultKind, kindsOf } from './schedule.js';

export interface TortureOptions {
  /** How long faults and senders go on, in milliseconds; the catching up comes on top. */
  readonly runMs: number;
  readonly instances: number;
  readonly clients: number;
  readonly channels: number;
  readonly seed: number;
  /** Empty: nothing is broken. */
  readonly faults: readonly FaultKind[];
  /** Things that the clients do a second, all together; most of them are messages. */
  readonly actionsPerSecond: number;
  /** Where the summary is written as JSON; null: nowhere. */
  readonly json: string | null;
  /** `main.js` of the server to run; null: the one of this workspace. */
  readonly main: string | null;
}

export const USAGE = `npm run torture -- [options]

  --minutes N, --seconds N   how long (default: 1 minute)
  --instances N              instances of Hubbub (3)
  --clients N                clients (300)
  --channels N               channels (20)
  --seed N                   the same seed gives the same faults (drawn from the clock)
  --faults LIST              comma list of kinds, of groups (redis, pg, link), or "none" (all):
                             ${FAULT_KINDS.join(', ')}
  --rate N                   things that the clients do a second (a sixth of the clients, 15 at least)
  --json FILE                writes the summary there
  --main FILE                main.js of another build of the server`;

/** @throws an error with a sentence when an argument cannot be used */
export function parseOptions(args: readonly string[]): TortureOptions {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: text,
      seconds: text,
      instances: text,
      clients: text,
      channels: text,
      seed: text,
      faults: text,
      rate: text,
      json: text,
      main: text,
    },
  });
  const number = (
    name: 'minutes' | 'seconds' | 'instances' | 'clients' | 'channels' | 'seed' | 'rate',
    fallback: number,
  ) => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (!(value >= 0)) throw new Error(`--${name}: found ${values[name]}, allowed is a number`);
    return value;
  };
  const seconds = number('seconds', 0) + number('minutes', 0) * 60;
  const clients = number('clients', 300);
  const names = values.faults?.split(',');
  return {
    runMs: (seconds === 0 ? 60 : seconds) * 1000,
    instances: Math.max(1, number('instances', 3)),
    clients,
    channels: Math.max(1, number('channels', 20)),
    seed: number('seed', Date.now() % 1_000_000),
    faults: names === undefined ? FAULT_KINDS : names.includes('none') ? [] : kindsOf(names),
    actionsPerSecond: number('rate', Math.max(15, Math.round(clients / 6))),
    json: values.json ?? null,
    main: values.main ?? null,
  };
}
