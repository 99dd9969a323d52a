import type { CrewAnswer, CrewCommand, CrewOrder, CrewProgress } from './crew-order.js';
import { EventLog } from './event-log.js';
import { Habits } from './habits.js';
import { Random } from './random.js';
import { TortureClient, type World } from './torture-client.js';

/** The process in which a part of the clients live. Does what its parent says; see {@link CrewCommand}. */
let crew: readonly Habits[] = [];
let log: EventLog | null = null;

process.on('message', (command: CrewCommand) => handle(command));
// Without its parent nobody would ever tell it to end.
process.on('disconnect', () => process.exit(1));

function handle(command: CrewCommand): void {
  switch (command.kind) {
    case 'order':
      crew = muster(command.order);
      for (const member of crew) member.start();
      answer({ kind: 'ready' });
      return;
    case 'quiet':
      for (const member of crew) member.quiet();
      return;
    case 'progress':
      answer({ kind: 'progress', progress: progress() });
      return;
    case 'reached':
      answer({ kind: 'reached', behind: countBehind(command.heads) });
      return;
    case 'end':
      for (const { client } of crew) client.end();
      log?.close();
      process.send?.({ kind: 'ended' } satisfies CrewAnswer, () => process.exit(0));
  }
}

function muster(order: CrewOrder): Habits[] {
  log = new EventLog(order.logFile);
  const { urls, channelIds, loudChannel, quietFrom, seed } = order;
  const world: World = { log, urls, channelIds, loudChannel, quietFrom, seed };
  const random = new Random(seed).fork(4);
  return order.clients.map((plan) => {
    const own = random.fork(plan.c);
    return new Habits(new TortureClient(plan, world, own.fork(1)), own.fork(2));
  });
}

function progress(): CrewProgress {
  const sum = (of: (member: Habits) => number) => crew.reduce((total, member) => total + of(member), 0);
  return {
    connected: sum(({ client }) => Number(client.connected)),
    sent: sum(({ client }) => client.sent),
    acked: sum(({ client }) => client.acked),
    got: sum(({ client }) => client.got),
    open: sum(({ client }) => client.outbox.size),
    settled: crew.every((member) => member.settled),
  };
}

function countBehind(heads: readonly number[]): number {
  let behind = 0;
  for (const { client } of crew) {
    for (const stay of client.stays.values()) if (stay.reached < (heads[stay.ch] ?? 0)) behind++;
  }
  return behind;
}

function answer(message: CrewAnswer): void {
  process.send?.(message);
}
