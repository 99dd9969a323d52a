/** The process of the command line: arguments, streams and signals. */
import type { Io } from './command.js';
import { run } from './run.js';

const INTERRUPTED = 130;

// Whoever reads may have enough before the end, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

let interruption: AbortController | null = null;

const io: Io = {
  env: process.env,
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  ...(process.stderr.isTTY ? { rewrite: (text: string) => void process.stderr.write(`\r\u001b[K${text}`) } : {}),
  interruption: () => {
    if (interruption !== null) return interruption.signal;
    const controller = new AbortController();
    interruption = controller;
    const interrupt = () => {
      if (controller.signal.aborted) process.exit(INTERRUPTED);
      controller.abort();
    };
    process.on('SIGINT', interrupt);
    process.on('SIGTERM', interrupt);
    return controller.signal;
  },
};

process.exitCode = await run(process.argv.slice(2), io);
