/** The files of deploy/ as the tests read them. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

export const ROOT = resolve(import.meta.dirname, '../../..');
export const DEPLOY = join(ROOT, 'deploy');

/** @param path below deploy/ */
export function read(path: string): string {
  return readFileSync(join(DEPLOY, path), 'utf8');
}

export interface Rule {
  readonly expr: string;
  /** Name of a recording rule. */
  readonly record?: string;
  /** Name of an alert. */
  readonly alert?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** All rules for Prometheus, those that record first. */
export function readRules(): Rule[] {
  const files = ['prometheus/recording.rules.yml', 'prometheus/alerts.rules.yml'];
  return files.flatMap((path) => (parse(read(path)) as { groups: { rules: Rule[] }[] }).groups.flatMap((g) => g.rules));
}

export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
}

/** The queries of the Grafana dashboard, with its variables in them. */
export function readDashboardQueries(): PanelQuery[] {
  const { panels } = JSON.parse(read('grafana/dashboards/hubbub.json')) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ panel: title, expr })));
}

/** Words of PromQL that stand where a metric may. */
const WORDS = new Set(['by', 'without', 'and', 'or', 'unless', 'on', 'ignoring', 'group_left', 'group_right', 'bool']);

/** The names of the metrics that an expression reads. */
export function metricsOf(expression: string): string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ');
  const names = bare.matchAll(/[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()/g);
  return [...new Set([...names].map(([name]) => name).filter((name) => !WORDS.has(name)))];
}
