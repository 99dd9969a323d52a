/** Everything that a bench measures: what it is called on the page, in which unit, and with how many decimals. */
export const METRICS = {
  messagesPerSecond: { label: 'messages/s', digits: 0 },
  deliveriesPerSecond: { label: 'deliveries/s', digits: 0 },
  p50Ms: { label: 'p50 ms', digits: 2 },
  p95Ms: { label: 'p95 ms', digits: 2 },
  p99Ms: { label: 'p99 ms', digits: 2 },
  maxMs: { label: 'max ms', digits: 1 },
  cpuUsPerDelivery: { label: 'server CPU µs/delivery', digits: 3 },
  deliveriesPerCpuSecond: { label: 'deliveries/server CPU s', digits: 0 },
  cpuUsPerMessage: { label: 'server CPU µs/message', digits: 0 },
  serverCpuShare: { label: 'server CPU, cores', digits: 2 },
  primaryCpuShare: { label: 'of which the primary, cores', digits: 3 },
  helperCpuShare: { label: 'PostgreSQL + Redis CPU, cores', digits: 2 },
  generatorCpuShare: { label: 'generator CPU, cores', digits: 2 },
  /** What one processor full of generator could take in. */
  generatorLimit: { label: 'generator limit, deliveries/s a core', digits: 0 },
  rssMib: { label: 'RSS MiB', digits: 0 },
  peakRssMib: { label: 'peak RSS MiB', digits: 0 },
  /** How late the generator itself was with a message of a fixed rate, at most. */
  latestSendMs: { label: 'latest send ms', digits: 1 },
  /** Messages that a client should have got and did not, or got too often. */
  lost: { label: 'lost', digits: 0 },
  /** Messages that were answered with an error: not taken, and the sender knows it. */
  refused: { label: 'refused', digits: 0 },
  /** Gaps, steps back, errors, lost connections. */
  faults: { label: 'faults', digits: 0 },
  connections: { label: 'connections', digits: 0 },
  connectsPerSecond: { label: 'connects/s', digits: 0 },
  channels: { label: 'channels', digits: 0 },
  /** Resident memory, with garbage collected before it is looked at. */
  kibPerConnection: { label: 'KiB/connection', digits: 1 },
  heapKibPerConnection: { label: 'live heap KiB/connection', digits: 1 },
  /** With whatever had not been collected by itself. */
  grownKibPerConnection: { label: 'KiB/connection before a collection', digits: 1 },
  settledRssMib: { label: 'RSS after a collection MiB', digits: 1 },
  heapMib: { label: 'live heap MiB', digits: 2 },
  idleCpuShare: { label: 'idle CPU, cores', digits: 3 },
  framesPerJoin: { label: 'presence frames/join', digits: 1 },
  presenceBytesPerJoin: { label: 'presence bytes/join', digits: 0 },
  returnSeconds: { label: 'all back s', digits: 2 },
  currentSeconds: { label: 'all current s', digits: 2 },
  transactions: { label: 'database transactions', digits: 0 },
  transactionsPerReturn: { label: 'transactions/return', digits: 2 },
  startSeconds: { label: 'start s', digits: 2 },
  tableMessages: { label: 'messages in the table', digits: 0 },
  seedSeconds: { label: 'seeding s', digits: 0 },
  tableMib: { label: 'table with indexes MiB', digits: 0 },
  removedRows: { label: 'rows removed', digits: 0 },
  removedPerSecond: { label: 'rows removed/s', digits: 0 },
  planMs: { label: 'statement ms', digits: 3 },
  /** Pages of 8 KiB that the statement looked at, in memory or not. */
  blocks: { label: 'blocks', digits: 0 },
  atSeconds: { label: 's', digits: 0 },
  /** 99th percentile of the time from one turn of a 10 ms timer to the next, as the server tells it. */
  loopDelayMs: { label: 'event-loop delay p99 ms', digits: 1 },
  openFiles: { label: 'open files', digits: 0 },
  resources: { label: 'active resources', digits: 0 },
} as const;

export type MetricName = keyof typeof METRICS;

/** What one run has measured. */
export type Measurement = Readonly<Partial<Record<MetricName, number>>>;
