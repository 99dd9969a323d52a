import { setTimeout as delay } from 'node:timers/promises';
import type { TcpLink } from '../support/tcp-link.js';
import { clockMs, type FaultRecord } from './events.js';
import type { Instance } from './instance.js';
import { Random } from './random.js';
import { describeFault, type PlannedFault } from './schedule.js';
import type { Stack } from './stack.js';

const RETRY_PAUSE_MS = 200;
const MAX_ATTEMPTS = 150;
/** Whoever had to wait longer for his turn is left out: he would come in the calm after the storm. */
const MAX_LATE_MS = 5000;

/** Does to a stack what a schedule says, and writes down when. */
export class Tormentor {
  readonly records: FaultRecord[] = [];
  readonly #stack: Stack;
  readonly #random: Random;
  readonly #say: (line: string) => void;
  /** Whoever hurts the same thing waits for the one before to have healed it. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(stack: Stack, seed: number, say: (line: string) => void) {
    this.#stack = stack;
    this.#random = new Random(seed).fork(2);
    this.#say = say;
  }

  /** Settles when all is over and whole again. */
  async run(faults: readonly PlannedFault[], startedAtMs: number): Promise<void> {
    const running: Promise<void>[] = [];
    for (const fault of faults) {
      await delay(Math.max(0, startedAtMs + fault.atMs - clockMs()));
      running.push(this.#inTurn(turnOf(fault), () => this.#record(fault, startedAtMs + fault.atMs)));
    }
    await Promise.all(running);
  }

  async #record(fault: PlannedFault, dueMs: number): Promise<void> {
    const fromMs = clockMs();
    const detail = describeFault(fault).trim();
    if (fromMs - dueMs > MAX_LATE_MS) {
      this.#say(`too late for: ${detail}`);
      return;
    }
    this.#say(`fault: ${detail}`);
    await this.#do(fault);
    this.records.push({ kind: fault.kind, detail, fromMs, toMs: clockMs() });
  }

  async #inTurn(turn: string, work: () => Promise<void>): Promise<void> {
    const mine = (this.#turns.get(turn) ?? Promise.resolve()).then(work);
    this.#turns.set(turn, mine);
    await mine;
  }

  async #do(fault: PlannedFault): Promise<void> {
    const { postgres, redis, instances } = this.#stack;
    const { kind, lastsMs, amount } = fault;
    const hit = instances.filter(({ number }) => fault.instance === null || number === fault.instance);
    switch (kind) {
      case 'kill':
        return await each(hit, async (instance) => {
          await instance.kill();
          await delay(lastsMs);
          await instance.start();
        });
      case 'stop':
        return await each(hit, async (instance) => {
          instance.pause();
          await delay(lastsMs);
          instance.unpause();
        });
      case 'drain':
        return await each(hit, async (instance) => {
          await instance.drain();
          await delay(lastsMs);
          await instance.start();
        });
      case 'redis-restart':
        await redis.kill9();
        await delay(lastsMs);
        return await redis.restart();
      case 'redis-kill-pubsub':
        return await this.#stack.redisCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
      case 'redis-kill-normal':
        return await this.#stack.redisCommand(['CLIENT', 'KILL', 'TYPE', 'normal']);
      case 'redis-oom':
        await this.#stack.redisCommand(['CONFIG', 'SET', 'maxmemory', '1']);
        await delay(lastsMs);
        return await this.#stack.redisCommand(['CONFIG', 'SET', 'maxmemory', '0']);
      case 'pg-kill':
        await postgres.kill9();
        await delay(lastsMs);
        return await postgres.restart();
      case 'pg-restart':
        return await postgres.restart();
      case 'pg-terminate':
        return await this.#sql(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hubbub'`,
        );
      case 'pg-readonly':
        await this.#setReadOnly('on');
        await delay(lastsMs);
        return await this.#setReadOnly('off');
      case 'redis-hole':
      case 'pg-hole':
      case 'link-hole':
        return await hurt(linksOf(hit, kind), lastsMs, (link) => link.blackHole());
      case 'redis-delay':
      case 'pg-delay':
        return await hurt(linksOf(hit, kind), lastsMs, (link) => {
          link.delayMs = amount;
        });
      case 'redis-cut':
      case 'pg-cut':
        return await hurt(linksOf(hit, kind), lastsMs, (link) => {
          link.refusing = true;
          link.cut();
        });
      case 'link-cut':
        for (const { clients } of hit) clients.cut(() => this.#random.chance(amount / 100));
        return;
    }
  }

  async #setReadOnly(value: 'on' | 'off'): Promise<void> {
    await this.#sql(`alter system set default_transaction_read_only = ${value}`);
    await this.#sql('select pg_reload_conf()');
  }

  /** An operator tries again until the server takes it: it may just be restarting. */
  async #sql(text: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#stack.sql(text);
        return;
      } catch (error) {
        if (attempt >= MAX_ATTEMPTS) throw error;
        await delay(RETRY_PAUSE_MS);
      }
    }
  }
}

/** What a fault has for itself alone. One instance at most is killed or drained at a time, so that some are left. */
function turnOf({ kind }: PlannedFault): string {
  if (kind === 'kill' || kind === 'drain') return 'processes';
  if (kind === 'stop') return 'stops';
  if (/-(hole|delay|cut)$/.test(kind)) return kind.split('-')[0] === 'link' ? 'clients' : `${kind.split('-')[0]} links`;
  return kind.startsWith('redis') ? 'redis' : 'postgres';
}

function linksOf(instances: readonly Instance[], kind: string): TcpLink[] {
  return instances.map((instance) => {
    if (kind.startsWith('redis')) return instance.redis;
    return kind.startsWith('pg') ? instance.postgres : instance.clients;
  });
}

async function hurt(links: readonly TcpLink[], lastsMs: number, how: (link: TcpLink) => void): Promise<void> {
  for (const link of links) how(link);
  await delay(lastsMs);
  for (const link of links) link.heal();
}

async function each(instances: readonly Instance[], work: (instance: Instance) => Promise<void>): Promise<void> {
  await Promise.all(instances.map(work));
}
