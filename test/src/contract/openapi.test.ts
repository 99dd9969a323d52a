/** Every route is described in full, with examples that are what they are said to be. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERRORS } from '@hubbub/protocol/codes.js';
import type { ValidateFunction } from 'ajv';
import { createAjv } from '../support/schema.js';
import { forEachPair, type Stage, V1 } from './stage.js';

interface Media {
  readonly schema?: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}
type Content = Readonly<Record<string, Media>>;
interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly example?: unknown }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Content; readonly headers?: object }>
  >;
}
interface Document {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const LEAST_ROUTES = 37;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** A part of a key that stands in a JSON pointer in a URI fragment. */
const escaped = (key: string) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

function examplesOf(media: Media): unknown[] {
  const many = Object.values(media.examples ?? {}).map(({ value }) => value);
  return media.example === undefined ? many : [media.example, ...many];
}

/** Walks the document. @returns what is wrong with it, and how much was looked at */
function faultsOf(document: Document): { faults: string[]; operations: number; examples: number } {
  const ajv = createAjv();
  ajv.addSchema(document, 'document', undefined, false);
  const faults: string[] = [];
  let [operations, examples] = [0, 0];
  const checkContent = (where: string, keys: readonly string[], content: Content | undefined) => {
    const entries = Object.entries(content ?? {});
    if (entries.length === 0) faults.push(`${where}: no content`);
    for (const [type, media] of entries) {
      const found = examplesOf(media);
      if (found.length === 0) faults.push(`${where}: no example of ${type}`);
      const pointer = [...keys, 'content', type, 'schema'].map((key) => `/${escaped(key)}`).join('');
      const validate: ValidateFunction = ajv.compile({ $ref: `document#${pointer}` });
      for (const example of found) {
        examples++;
        if (!validate(example)) faults.push(`${where}: ${ajv.errorsText(validate.errors, { dataVar: 'example' })}`);
        if (type !== 'application/x-ndjson') continue;
        for (const line of String(example).trimEnd().split('\n')) JSON.parse(line);
      }
    }
  };
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path}`;
      const keys = ['paths', path, method];
      operations++;
      if (!operation.summary) faults.push(`${name}: no summary`);
      if (!operation.description) faults.push(`${name}: no description`);
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in === 'path' && !UUID.test(String(parameter.example))) {
          faults.push(`${name}: no example of {${parameter.name}}`);
        }
      }
      if (operation.requestBody !== undefined) {
        checkContent(`${name} body`, [...keys, 'requestBody'], operation.requestBody.content);
      }
      const statuses = Object.keys(operation.responses);
      if (!statuses.some((status) => status.startsWith('2'))) faults.push(`${name}: no success`);
      if (statuses.filter((status) => status >= '400').length === 0 && !path.endsWith('/health')) {
        faults.push(`${name}: no errors`);
      }
      for (const [status, response] of Object.entries(operation.responses)) {
        const where = `${name} ${status}`;
        if (!response.description || response.description === 'Default Response')
          faults.push(`${where}: no description`);
        checkContent(where, [...keys, 'responses', status], response.content);
        if (status === '429' && response.headers === undefined) faults.push(`${where}: no headers`);
        if (Number(status) < 400) continue;
        for (const example of examplesOf(response.content?.['application/json'] ?? {})) {
          const { code } = example as { code: keyof typeof ERRORS };
          if (ERRORS[code]?.status !== Number(status)) faults.push(`${where}: ${code} has another status`);
        }
      }
    }
  }
  return { faults, operations, examples };
}

async function fetchDocument(stage: Stage, path: string): Promise<Document> {
  return (await (await fetch(stage.instance(0).url + path)).json()) as Document;
}

forEachPair({}, (stage: Stage) => {
  test('both descriptions have the version of the package', async () => {
    const file = new URL('../../../server/package.json', import.meta.url);
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    for (const name of ['openapi', 'asyncapi']) {
      assert.equal((await fetchDocument(stage, `/api/v1/${name}.json`)).info.version, version);
    }
  });

  test('every route has a summary, a description, and examples of its body and each of its answers that fit', async () => {
    const { faults, operations, examples } = faultsOf(await fetchDocument(stage, '/api/v1/openapi.json'));
    assert.deepEqual(faults, []);
    assert.ok(operations >= LEAST_ROUTES, `${operations} routes`);
    assert.ok(examples > 6 * operations, `${examples} examples`);
  });

  test('the requests as they stand in the examples are well-formed: none is refused with 400', async () => {
    const { paths } = await fetchDocument(stage, '/api/v1/openapi.json');
    const boss = await stage.user({ role: 'admin' });
    const answers = Object.entries(paths).flatMap(([template, methods]) =>
      Object.entries(methods).map(async ([method, operation]) => {
        const path = (operation.parameters ?? [])
          .filter((parameter) => parameter.in === 'path')
          .reduce((at, { name, example }) => at.replace(`{${name}}`, String(example)), template);
        const [example] = examplesOf(operation.requestBody?.content['application/json'] ?? {});
        const { status } = await fetch(stage.instance(0).url + path, {
          method: method.toUpperCase(),
          headers: {
            authorization: `Bearer ${boss.token}`,
            ...(example === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(example === undefined ? {} : { body: JSON.stringify(example) }),
        });
        return { status, name: `${method.toUpperCase()} ${template}` };
      }),
    );
    const refused = (await Promise.all(answers)).filter(({ status, name }) => {
      // The one query that has to be given is what is exported.
      if (name.endsWith('/moderation-log/export')) return status !== 400;
      return status === 400 || status === 429 || status >= 500;
    });
    assert.deepEqual(refused, []);
  });

  test('a body that may be left out is not called required, and one that is required cannot be left out', async () => {
    const { paths } = await fetchDocument(stage, '/api/v1/openapi.json');
    const boss = await stage.user({ role: 'admin' });
    const free: string[] = [];
    for (const [template, methods] of Object.entries(paths)) {
      for (const [method, { parameters = [], requestBody }] of Object.entries(methods)) {
        if (requestBody === undefined || template.includes('/dev/')) continue;
        const path = parameters.reduce((at, { name, example }) => at.replace(`{${name}}`, String(example)), template);
        const { status } = await fetch(stage.instance(0).url + path, {
          method: method.toUpperCase(),
          headers: { authorization: `Bearer ${boss.token}` },
        });
        const name = `${method.toUpperCase()} ${template}`;
        assert.equal(status === 400, requestBody.required, `${name} without a body: ${status}`);
        if (!requestBody.required) free.push(name);
      }
    }
    assert.deepEqual(free, [`DELETE ${V1}/messages/{id}`]);
  });

  test('the walk finds what is missing, and an example that does not fit', async () => {
    const path = `${V1}/channels/{id}/ban`;
    const spoilt = async (spoil: (operation: Record<string, Record<string, unknown>>) => void) => {
      const document = await fetchDocument(stage, '/api/v1/openapi.json');
      const operation = document.paths[path]?.post;
      assert.ok(operation !== undefined);
      spoil(operation as unknown as Record<string, Record<string, unknown>>);
      return faultsOf(document).faults.join('\n');
    };
    assert.match(await spoilt((operation) => delete operation.description), /ban: no description/);
    const body = (operation: Record<string, Record<string, unknown>>) =>
      (operation.requestBody as unknown as { content: Record<string, Record<string, unknown>> }).content[
        'application/json'
      ] ?? assert.fail();
    assert.match(await spoilt((operation) => delete body(operation).example), /ban body: no example/);
    const wrong = { user_id: 7 };
    assert.match(
      await spoilt((operation) => Object.assign(body(operation), { example: wrong })),
      /user_id must be string/,
    );
    const answer = { example: { error: 'x', code: 'CONFLICT' } };
    const content = { 'application/json': { schema: {}, ...answer } };
    assert.match(
      await spoilt((operation) => Object.assign(operation.responses ?? {}, { 403: { description: 'no', content } })),
      /403: CONFLICT has another status/,
    );
  });

  test('the page for people shows that same document, with nothing from elsewhere and nothing inline', async () => {
    const { url } = stage.instance(0);
    const page = await fetch(`${url}/api/v1/docs`);
    assert.equal(page.status, 200);
    const policy = page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|validator/);
    const html = await page.text();
    assert.doesNotMatch(html, /<style|style=|<script(?![^>]*\bsrc=)|https?:\/\//);
    const linked = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path = '']) => path);
    assert.ok(linked.length >= 4);
    for (const path of linked) assert.equal((await fetch(new URL(path, url))).status, 200, path);
    assert.deepEqual(
      await fetchDocument(stage, '/api/v1/docs/json'),
      await fetchDocument(stage, '/api/v1/openapi.json'),
    );
  });
});
