import { type Logger as PinoLogger, pino } from 'pino';

export type Logger = PinoLogger;

/**
 * The JSON logger of the process, one line an event on standard output. Tokens never reach it: request headers are not
 * logged at all, and the paths below are a second fence.
 *
 * @param level `trace` to `fatal`, or `silent`
 */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: ['token', '*.token', 'headers.authorization', 'headers.cookie', 'authorization'], remove: true },
  });
}
