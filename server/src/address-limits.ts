import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '@hubbub/protocol/codes.js';
import { addressGroup, clientAddress, type Trust } from './client-address.js';
import { ExpiredToken, HubbubError } from './errors.js';
import { MemoryLimiter, type Rate } from './limiter.js';
import type { Logger } from './log.js';
import type { Metrics } from './metrics.js';

interface AddressLimitsOptions {
  /** WebSocket connections of one address at a time, in this process; 0: no limit, nor of what follows from it. */
  readonly maxConnections: number;
  /** Requests a minute of one address that fail like guesses; 0: no limit. */
  readonly maxFailuresPerMinute: number;
  readonly trust: Trust;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Clock in milliseconds. */
  readonly now?: () => number;
}

/** What one who looks for tokens or for paths is answered. */
const GUESSES: ReadonlySet<ErrorCode> = new Set(['UNAUTHORIZED', 'NOT_FOUND']);
/** A browser opens up to six sockets to a host, beside its WebSockets. */
const SOCKETS_PER_CONNECTION = 6;
/** All of an office may come back twice within a minute: both instances were restarted. */
const UPGRADES_PER_CONNECTION = 2;
const MIN_RETURN_WAIT_MS = 5000;
const WARN_INTERVAL_MS = 60_000;

/**
 * What one address may ask of this process, whoever it is: everything here comes before a token is looked at. The machine
 * itself is not limited.
 */
export class AddressLimits {
  readonly #options: AddressLimitsOptions;
  readonly #upgradeRate: Rate;
  readonly #failureRate: Rate;
  readonly #upgrades: MemoryLimiter;
  readonly #failures: MemoryLimiter;
  readonly #sockets = new Tally();
  readonly #connections = new Tally();
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: AddressLimitsOptions) {
    this.#options = options;
    const upgrades = options.maxConnections * UPGRADES_PER_CONNECTION;
    this.#upgradeRate = { perMinute: upgrades, burst: upgrades };
    this.#failureRate = { perMinute: options.maxFailuresPerMinute, burst: options.maxFailuresPerMinute };
    this.#upgrades = new MemoryLimiter(options.now);
    this.#failures = new MemoryLimiter(options.now);
  }

  /** Listener of a server's `connection` event: ends a socket that is one too many, before it has said anything. */
  readonly onSocket = (socket: Socket): void => {
    const { maxConnections, trust } = this.#options;
    const peer = socket.remoteAddress;
    // A proxy connects for everyone behind it.
    if (maxConnections === 0 || peer === undefined || trust(peer, 0)) return;
    const address = addressGroup(peer);
    if (address === null) return;
    if (this.#sockets.enter(address, maxConnections * SOCKETS_PER_CONNECTION, socket)) return;
    this.#refuse('sockets', address);
    socket.destroy();
  };

  /**
   * Takes the place of one connection, until its socket is closed.
   *
   * @throws HubbubError `RATE_LIMITED`
   */
  takePlace(request: IncomingMessage, socket: Socket): void {
    const { maxConnections, trust } = this.#options;
    const address = maxConnections === 0 ? null : addressGroup(clientAddress(request, trust));
    if (address === null) return;
    const { allowed, retryAfterMs } = this.#upgrades.take(address, this.#upgradeRate);
    if (!allowed) {
      this.#refuse('upgrades', address);
      throw new HubbubError('RATE_LIMITED', 'Too many connections were opened from your address', { retryAfterMs });
    }
    if (!this.#connections.enter(address, maxConnections, socket)) {
      this.#refuse('connections', address);
      throw new HubbubError('RATE_LIMITED', 'Too many connections are open from your address', {
        // When one of them ends is not known; told apart, the clients do not come back together.
        retryAfterMs: MIN_RETURN_WAIT_MS * (1 + Math.random()),
      });
    }
  }

  /** @throws HubbubError `RATE_LIMITED` when so many requests of the address have failed that it may not even try */
  assertMayTry(request: IncomingMessage): void {
    const address = this.#guesser(request);
    if (address === null) return;
    const { allowed, retryAfterMs } = this.#failures.peek(address, this.#failureRate);
    if (!allowed) throw this.#tooManyFailures(address, retryAfterMs);
  }

  /**
   * What a request is refused with: the error that it met, or, when it is one guess too many of its address,
   * `RATE_LIMITED`. One who brings a valid token is never touched by what others on his address do.
   */
  refusal(request: IncomingMessage, error: HubbubError): HubbubError {
    if (!GUESSES.has(error.code) || error instanceof ExpiredToken) return error;
    const address = this.#guesser(request);
    if (address === null) return error;
    const { allowed, retryAfterMs } = this.#failures.take(address, this.#failureRate);
    return allowed ? error : this.#tooManyFailures(address, retryAfterMs);
  }

  close(): void {
    this.#upgrades.close();
    this.#failures.close();
  }

  /** @returns null: it is not counted */
  #guesser(request: IncomingMessage): string | null {
    const { maxFailuresPerMinute, trust } = this.#options;
    return maxFailuresPerMinute === 0 ? null : addressGroup(clientAddress(request, trust));
  }

  #tooManyFailures(address: string, retryAfterMs: number): HubbubError {
    this.#refuse('failures', address);
    return new HubbubError('RATE_LIMITED', 'Too many requests from your address have failed', { retryAfterMs });
  }

  #refuse(limit: 'sockets' | 'connections' | 'upgrades' | 'failures', address: string): void {
    const { metrics, log, now = Date.now } = this.#options;
    metrics.addressesLimited.inc({ limit });
    if (now() - this.#warnedAtMs < WARN_INTERVAL_MS) return;
    this.#warnedAtMs = now();
    log.warn({ address, limit }, 'An address asks for more than it may; if it is that of a proxy, set TRUST_PROXY');
  }
}

/** Open sockets by address. */
class Tally {
  readonly #counts = new Map<string, number>();

  /** Counts the socket until it is closed. @returns false when there are `max` already */
  enter(address: string, max: number, socket: Socket): boolean {
    const count = this.#counts.get(address) ?? 0;
    if (count >= max) return false;
    this.#counts.set(address, count + 1);
    socket.once('close', () => this.#leave(address));
    return true;
  }

  #leave(address: string): void {
    const count = this.#counts.get(address) ?? 0;
    if (count > 1) this.#counts.set(address, count - 1);
    else this.#counts.delete(address);
  }
}
