/** The files for Prometheus and Grafana, without running either. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { findPromtool } from '../support/binaries.js';
import { type Pair, startPair } from '../support/pair.js';
import { DEPLOY, metricsOf, ROOT, read, readDashboardQueries, readRules } from './files.js';

const RUNBOOKS = join(ROOT, 'docs/runbooks');
/** What Prometheus makes by itself. */
const OWN_METRICS = ['up', 'ALERTS'];

function promtool(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(findPromtool() ?? 'promtool', args, {
    cwd: join(DEPLOY, 'prometheus'),
    encoding: 'utf8',
  });
  assert.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`);
}

describe('deploy/prometheus', () => {
  it('passes promtool check', () => {
    // The token is a file of the operator's.
    promtool('check', 'config', '--syntax-only', 'prometheus.yml');
    promtool('check', 'rules', '--lint=all', '--lint-fatal', 'recording.rules.yml', 'alerts.rules.yml');
  });

  it('passes promtool test rules', () => {
    promtool('test', 'rules', 'rules.test.yml');
  });

  it('has a test that each alert fires, and one that it is silent', () => {
    const { tests } = parse(read('prometheus/rules.test.yml')) as {
      tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
    };
    const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
    for (const { alert } of readRules()) {
      if (alert === undefined) continue;
      const expected = cases.filter(({ alertname }) => alertname === alert).map(({ exp_alerts }) => exp_alerts.length);
      assert.deepEqual(expected, [1, 0], alert);
    }
  });

  it('gives each alert a summary, a description and a runbook, and each runbook is of an alert', () => {
    const alerts = readRules().filter(({ alert }) => alert !== undefined);
    for (const { alert, annotations } of alerts) {
      const { summary, description, runbook_url: url } = annotations ?? {};
      assert.ok(summary !== undefined && description !== undefined, alert);
      assert.equal(url, `docs/runbooks/${alert}.md`);
    }
    const pages = globSync('*.md', { cwd: RUNBOOKS }).map((path) => basename(path, '.md'));
    assert.deepEqual(pages.toSorted(), alerts.map(({ alert }) => alert).toSorted());
  });

  it('has runbooks that say what is seen, what it means, how to look and what to do', () => {
    for (const path of globSync('*.md', { cwd: RUNBOOKS })) {
      const headings = [...readFileSync(join(RUNBOOKS, path), 'utf8').matchAll(/^## (.*)$/gm)].map(([, name]) => name);
      assert.deepEqual(headings, ['Symptom', 'What it means', 'How to look', 'What to do'], path);
    }
  });
});

describe('the metrics that rules and dashboard read', () => {
  let pair: Pair;
  before(async () => {
    pair = await startPair('embedded');
  });
  after(() => pair.stop());

  it('are exposed by the server, or recorded by a rule', async () => {
    const text = await (await fetch(`${pair.at(0).url}/metrics`)).text();
    const known = new Set(OWN_METRICS);
    for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      known.add(name);
      if (type === 'histogram') for (const part of ['bucket', 'sum', 'count']) known.add(`${name}_${part}`);
    }
    const rules = readRules();
    for (const { record } of rules) if (record !== undefined) known.add(record);
    const readers = [
      ...rules.map(({ alert, record, expr }) => ({ name: alert ?? record, expr })),
      ...readDashboardQueries().map(({ panel, expr }) => ({ name: panel, expr })),
    ];
    for (const { name, expr } of readers) {
      const metrics = metricsOf(expr);
      assert.ok(metrics.length > 0, `${name} reads no metric: ${expr}`);
      for (const metric of metrics) assert.ok(known.has(metric), `${name} reads ${metric}, which nobody exposes`);
    }
  });

  it('are found in an expression', () => {
    const expression =
      'sum by (le, job) (rate(a_total{x="b_total"}[5m])) / on (job) group_left c:d > 0 or vector(0) unless e';
    assert.deepEqual(metricsOf(expression), ['a_total', 'c:d', 'e']);
  });
});
