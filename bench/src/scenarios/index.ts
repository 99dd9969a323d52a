import type { Scenario } from './bench.js';
import { crowd } from './crowd.js';
import { embedded } from './embedded.js';
import { generator } from './generator.js';
import { journal } from './journal.js';
import { lone } from './lone.js';
import { room } from './room.js';
import { rooms } from './rooms.js';
import { storm } from './storm.js';

/** All scenarios, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [generator, room, rooms, journal, crowd, storm, lone, embedded];
