/** A throw-away Prometheus, and what stands in for its Alertmanager. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { findPrometheus } from './binaries.js';
import { freePort } from './ports.js';
import { Child } from './processes.js';
import { until } from './wait.js';

const START_TIMEOUT_MS = 30_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** One series of the answer to an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface QueryAnswer {
  readonly error?: string;
  readonly data?: { readonly result: readonly { metric: Record<string, string>; value: [number, string] }[] };
}

/** A Prometheus server of its own on 127.0.0.1. */
export class PrometheusServer {
  readonly url: string;
  readonly #child: Child;

  private constructor(url: string, child: Child) {
    this.url = url;
    this.#child = child;
  }

  /**
   * Settles when it answers queries.
   *
   * @param folder holds `prometheus.yml`, and gets its data
   * @throws when it is not installed or does not start, with its output
   */
  static async start(folder: string): Promise<PrometheusServer> {
    const program = findPrometheus();
    if (program === null) throw new Error('Prometheus is not installed');
    const address = `127.0.0.1:${await freePort()}`;
    const child = await Child.start(program, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ]);
    const server = new PrometheusServer(`http://${address}`, child);
    try {
      await until(async () => child.ended || (await server.#get('/-/ready')).ok, { timeoutMs: START_TIMEOUT_MS });
      if (child.ended) throw new Error('It has ended');
    } catch (error) {
      await child.stop();
      throw new Error(`Prometheus did not start:\n${child.tail}`, { cause: error });
    }
    return server;
  }

  /**
   * The answer to an instant query, now.
   *
   * @throws when the expression is refused
   */
  async query(expression: string): Promise<Sample[]> {
    const response = await this.#get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    const { error, data } = (await response.json()) as QueryAnswer;
    if (data === undefined) throw new Error(`${expression}: ${error}`);
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Ends it. May be repeated. */
  async stop(): Promise<void> {
    await this.#child.stop();
  }

  #get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  }
}

/** An alert as Prometheus sends it to an Alertmanager. */
export interface SentAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339; in the past once the alert is resolved. */
  readonly endsAt: string;
}

/** Takes what Prometheus tells an Alertmanager (its API v2), and keeps it. */
export class AlertReceiver {
  /** In the order of arrival. */
  readonly alerts: SentAlert[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (request.url === '/api/v2/alerts') this.alerts.push(...JSON.parse(Buffer.concat(chunks).toString()));
      response.end();
    });
  }

  /** Settles when it listens. */
  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  /** `host:port`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether the alert was told of, and whether the last word was that it fires. Labels beside the given ones are free. */
  state(labels: Readonly<Record<string, string>>): 'never' | 'firing' | 'resolved' {
    const about = ({ labels: own }: SentAlert) => Object.entries(labels).every(([name, value]) => own[name] === value);
    const last = this.alerts.findLast(about);
    if (last === undefined) return 'never';
    return Date.parse(last.endsAt) > Date.now() ? 'firing' : 'resolved';
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}
