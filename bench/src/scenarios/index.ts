import type { Scenario } from './bench.js';
import { costs } from './costs.js';
import { crowd } from './crowd.js';
import { embedded } from './embedded.js';
import { generator } from './generator.js';
import { history } from './history.js';
import { journal } from './journal.js';
import { lone } from './lone.js';
import { retention } from './retention.js';
import { room } from './room.js';
import { rooms } from './rooms.js';
import { soak } from './soak.js';
import { storm } from './storm.js';
import { workers } from './workers.js';

/** All scenarios, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  generator,
  room,
  rooms,
  journal,
  crowd,
  storm,
  lone,
  embedded,
  costs,
  history,
  retention,
  workers,
  soak,
];
