/** Holds the answers of a server against the OpenAPI document that it serves itself. */
import type { ValidateFunction } from 'ajv';
import { createAjv } from './schema.js';

const DOCUMENT_PATH = '/api/v1/openapi.json';
const DOCUMENT_ID = 'openapi.json';
/** Undocumented short paths, and what the document calls them. */
const ALIASES: readonly (readonly [string, string])[] = [['/api/chat', '/api/v1/chat']];

/** An answer as {@link OpenApiCheck.check} needs it. */
export interface CheckedAnswer {
  readonly method: string;
  /** Path of the request, without the query. */
  readonly path: string;
  readonly status: number;
  /** `Content-Type`, null when absent. */
  readonly contentType: string | null;
  /** Parsed body; undefined when there is none. */
  readonly body: unknown;
}

interface Template {
  readonly path: string;
  readonly pattern: RegExp;
}

/** Documents by their text: all instances of a run serve the same one, which is compiled once. */
const known = new Map<string, OpenApiCheck>();

export class OpenApiCheck {
  readonly #document: unknown;
  readonly #templates: readonly Template[];
  readonly #ajv = createAjv();
  readonly #validators = new Map<string, ValidateFunction>();

  /**
   * @param document parsed OpenAPI 3.1 document
   * @throws when it describes no paths
   */
  constructor(document: object) {
    const paths = child(document, 'paths');
    if (typeof paths !== 'object' || paths === null) throw new Error('The OpenAPI document has no paths');
    this.#document = document;
    // Where two templates fit, the one with fewer parameters is meant.
    this.#templates = Object.keys(paths)
      .sort((a, b) => a.split('{').length - b.split('{').length)
      .map((path) => ({
        path,
        pattern: new RegExp(
          `^${path
            .split(/\{[^}]*\}/)
            .map(escapeRegExp)
            .join('[^/]+')}$`,
        ),
      }));
    this.#ajv.addSchema(document, DOCUMENT_ID, undefined, false);
  }

  /**
   * The check for the document that the server at `baseUrl` serves.
   *
   * @throws when it serves none
   */
  static async of(baseUrl: string): Promise<OpenApiCheck> {
    const response = await fetch(new URL(DOCUMENT_PATH, baseUrl));
    const text = await response.text();
    if (!response.ok) throw new Error(`${DOCUMENT_PATH} answers ${response.status}: ${text}`);
    let check = known.get(text);
    if (check === undefined) {
      check = new OpenApiCheck(JSON.parse(text));
      known.set(text, check);
    }
    return check;
  }

  /** @throws when the operation, the status or the content type is not documented, or the body not as its schema says */
  check(answer: CheckedAnswer): void {
    const name = `${answer.method.toUpperCase()} ${answer.path} -> ${answer.status}`;
    const path = documentedPath(answer.path);
    const template = this.#templates.find(({ pattern }) => pattern.test(path));
    const operation = template && child(this.#document, 'paths', template.path, answer.method.toLowerCase());
    if (template === undefined || operation === undefined) {
      // What does not exist need not be documented, as long as the server says that it does not exist.
      if (answer.status === 404 || answer.status === 405) return;
      throw new Error(`${name}: the OpenAPI document does not know this operation`);
    }
    const status = [String(answer.status), `${Math.floor(answer.status / 100)}XX`, 'default'].find(
      (key) => child(operation, 'responses', key) !== undefined,
    );
    if (status === undefined) throw new Error(`${name}: the OpenAPI document does not know this status`);
    const content = child(operation, 'responses', status, 'content');
    if (content === undefined) {
      if (answer.body !== undefined) throw new Error(`${name}: a body came where the document has none`);
      return;
    }
    const mediaType = (answer.contentType ?? '').split(';')[0]?.trim() ?? '';
    if (child(content, mediaType) === undefined) {
      throw new Error(`${name}: the OpenAPI document does not know the content type "${mediaType}"`);
    }
    const method = answer.method.toLowerCase();
    const validate = this.#validator([
      'paths',
      template.path,
      method,
      'responses',
      status,
      'content',
      mediaType,
      'schema',
    ]);
    if (validate(answer.body)) return;
    const errors = this.#ajv.errorsText(validate.errors, { dataVar: 'body' });
    throw new Error(`${name}: not as documented, ${errors}: ${JSON.stringify(answer.body)}`);
  }

  #validator(keys: readonly string[]): ValidateFunction {
    const pointer = keys
      .map((key) => `/${encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))}`)
      .join('');
    let validate = this.#validators.get(pointer);
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: `${DOCUMENT_ID}#${pointer}` });
      this.#validators.set(pointer, validate);
    }
    return validate;
  }
}

function documentedPath(path: string): string {
  for (const [alias, documented] of ALIASES) {
    if (path === alias || path.startsWith(`${alias}/`)) return documented + path.slice(alias.length);
  }
  return path;
}

/** The value at `keys` below `value`; undefined where the way ends. */
function child(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined),
    value,
  );
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
