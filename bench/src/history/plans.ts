/** How PostgreSQL carries a statement out that Hubbub sends, by auto_explain: EXPLAIN (ANALYZE, BUFFERS) as it runs. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresServer } from '@hubbub/test/support/postgres.js';
import type pg from 'pg';

export interface PlanSummary {
  /** Of the statement, in milliseconds. */
  readonly planMs: number;
  /** Pages of 8 KiB that were looked at. */
  readonly blocks: number;
  /** The ways into the tables, and rows that were read for nothing. */
  readonly text: string;
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Actual Total Time': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

const ENTRY = /duration: [\d.]+ ms {2}plan:\n((?:\t.*\n)+)/g;
const SETTINGS = { log_analyze: 'on', log_buffers: 'on', log_format: 'json', log_min_duration: '0' };
const PLAN_TIMEOUT_MS = 10_000;
/** Enough of the log's end to find it again. */
const MARK_CHARS = 300;

/** Has every session that begins from now on be ready for it; it costs nothing until {@link explaining}. */
export async function prepareExplaining(client: pg.Client): Promise<void> {
  await client.query("alter system set session_preload_libraries = 'auto_explain'");
  await client.query('select pg_reload_conf()');
}

/** Every statement of sessions that are ready for it is explained while `work` runs, also those of others. */
export async function explaining<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query("load 'auto_explain'");
  for (const [name, value] of Object.entries(SETTINGS)) {
    await client.query(`alter system set auto_explain.${name} = '${value}'`);
  }
  await client.query('select pg_reload_conf()');
  try {
    return await work();
  } finally {
    for (const name of Object.keys(SETTINGS)) await client.query(`alter system reset auto_explain.${name}`);
    await client.query('alter system reset session_preload_libraries');
    await client.query('select pg_reload_conf()');
  }
}

/**
 * Of the statements on messages that `read` leads to, the one that looks at most.
 *
 * @throws when none shows up in PostgreSQL's log within 10 s
 */
export async function explainRead(postgres: PostgresServer, read: () => Promise<unknown>): Promise<PlanSummary> {
  const until = performance.now() + PLAN_TIMEOUT_MS;
  while (performance.now() < until) {
    const mark = postgres.output.slice(-MARK_CHARS);
    await read();
    // The log comes through a pipe of its own, and sessions learn of new settings between two statements.
    await delay(50);
    const { output } = postgres;
    const news = output.slice(output.lastIndexOf(mark) + mark.length);
    const [largest] = plansIn(news)
      .map(summaryOf)
      .sort((a, b) => b.blocks - a.blocks);
    if (largest !== undefined) return largest;
  }
  throw new Error(`PostgreSQL explained nothing:\n${postgres.output.slice(-2000)}`);
}

/** Plans of statements on messages. @param log part of PostgreSQL's log */
export function plansIn(log: string): PlanNode[] {
  return [...log.matchAll(ENTRY)].flatMap(([, json = '']) => {
    try {
      const explained = JSON.parse(json) as { 'Query Text': string; Plan: PlanNode };
      return explained['Query Text'].includes('from chat_messages') ? [explained.Plan] : [];
    } catch {
      // Two sessions have written at the same time.
      return [];
    }
  });
}

export function summaryOf(plan: PlanNode): PlanSummary {
  const nodes = nodesOf(plan);
  const ways = nodes
    .filter((node) => node['Relation Name'] !== undefined || node['Index Name'] !== undefined)
    .map((node) => `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name']}`);
  const removed = nodes.reduce((sum, node) => sum + (node['Rows Removed by Filter'] ?? 0) * node['Actual Loops'], 0);
  const [hit, read] = [plan['Shared Hit Blocks'], plan['Shared Read Blocks']];
  return {
    planMs: plan['Actual Total Time'],
    blocks: hit + read,
    text: `${[...new Set(ways)].join(', ')}; ${plan['Actual Rows']} rows, ${hit} blocks hit, ${read} read, ${removed} rows removed by a filter`,
  };
}

function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}
