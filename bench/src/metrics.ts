/** Everything that a bench measures: what it is called on the page, in which unit, and with how many decimals. */
export const METRICS = {
  messagesPerSecond: { label: 'messages/s', digits: 0 },
  deliveriesPerSecond: { label: 'deliveries/s', digits: 0 },
  p50Ms: { label: 'p50 ms', digits: 2 },
  p95Ms: { label: 'p95 ms', digits: 2 },
  p99Ms: { label: 'p99 ms', digits: 2 },
  maxMs: { label: 'max ms', digits: 1 },
  cpuUsPerDelivery: { label: 'server CPU µs/delivery', digits: 3 },
  serverCpuShare: { label: 'server CPU, cores', digits: 2 },
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
  kibPerConnection: { label: 'KiB/connection', digits: 1 },
  idleCpuShare: { label: 'idle CPU, cores', digits: 3 },
  framesPerJoin: { label: 'presence frames/join', digits: 1 },
  presenceBytesPerJoin: { label: 'presence bytes/join', digits: 0 },
  returnSeconds: { label: 'all back s', digits: 2 },
  currentSeconds: { label: 'all current s', digits: 2 },
  transactions: { label: 'database transactions', digits: 0 },
  transactionsPerReturn: { label: 'transactions/return', digits: 2 },
  startSeconds: { label: 'start s', digits: 2 },
} as const;

export type MetricName = keyof typeof METRICS;

/** What one run has measured. */
export type Measurement = Readonly<Partial<Record<MetricName, number>>>;
