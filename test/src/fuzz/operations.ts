/** The routes of the served OpenAPI document, and values that fit what it says of them. */
import type { Random } from '../torture/random.js';

/** A JSON schema, read as far as the routes need it. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Parameter {
  readonly name: string;
  readonly where: 'path' | 'query';
  readonly schema: Schema;
}

export interface Operation {
  /** In upper case. */
  readonly method: string;
  /** With `{name}` for each path parameter. */
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Of a JSON body; null: it takes none. */
  readonly body: Schema | null;
}

/** Values that exist, by the name of the parameter or field that they suit. */
export type Known = Readonly<Record<string, readonly string[]>>;

const METHODS = ['get', 'post', 'patch', 'put', 'delete'];

/** @throws when the server describes no routes */
export async function readOperations(url: string): Promise<Operation[]> {
  const document = asObject(await (await fetch(`${url}/api/v1/openapi.json`)).json());
  const operations = Object.entries(asObject(document.paths)).flatMap(([path, item]) =>
    Object.entries(asObject(item))
      .filter(([method]) => METHODS.includes(method))
      .map(([method, operation]) => readOperation(method.toUpperCase(), path, asObject(operation))),
  );
  if (operations.length === 0) throw new Error('The API description has no routes');
  return operations;
}

function readOperation(method: string, path: string, operation: Schema): Operation {
  const described = Array.isArray(operation.parameters) ? operation.parameters.map(asObject) : [];
  const parameters = described.map((each): Parameter => {
    return { name: String(each.name), where: each.in === 'path' ? 'path' : 'query', schema: asObject(each.schema) };
  });
  const content = asObject(asObject(operation.requestBody).content);
  const body = asObject(content['application/json']).schema;
  return { method, path, parameters, body: body === undefined ? null : asObject(body) };
}

/** A value that fits the schema, as far as it says. @param name the parameter or field, which may have known values */
export function fittingValue(random: Random, schema: Schema, name: string, known: Known): unknown {
  const values = known[name];
  if (values !== undefined && values.length > 0 && random.chance(0.9)) return random.pick(values);
  if (Array.isArray(schema.enum)) return random.pick<unknown>(schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(choices)) return fittingValue(random, asObject(random.pick<unknown>(choices)), name, known);
  switch (schema.type) {
    case 'object':
      return fittingObject(random, schema, known);
    case 'integer':
    case 'number':
      return random.int(numberOr(schema.minimum, 0), Math.min(numberOr(schema.maximum, 1000), 1_000_000));
    case 'boolean':
      return random.chance(0.9);
    case 'null':
      return null;
    case 'array':
      return [fittingValue(random, asObject(schema.items), name, known)];
    default:
      return `${name} ${random.int(0, 1e9)}`.slice(0, numberOr(schema.maxLength, 100));
  }
}

function fittingObject(random: Random, schema: Schema, known: Known): object {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const fields = Object.entries(asObject(schema.properties)).filter(
    ([key]) => required.includes(key) || random.chance(0.6),
  );
  return Object.fromEntries(fields.map(([key, each]) => [key, fittingValue(random, asObject(each), key, known)]));
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

/** @returns an object without anything for what is none */
function asObject(value: unknown): Schema {
  return typeof value === 'object' && value !== null ? (value as Schema) : {};
}
