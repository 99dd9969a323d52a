import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** A JSON Schema validator (draft 2020-12, the dialect of OpenAPI 3.1) with all formats, which reports every error. */
export function createAjv(): Ajv2020 {
  // Not strict: OpenAPI documents bear keywords that JSON Schema does not know, and keep schemas anywhere.
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  return ajv;
}
