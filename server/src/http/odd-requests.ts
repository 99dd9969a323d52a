import { HubbubError } from '../errors.js';
import type { Routes } from './typed.js';

/** What real clients send and the framework's defaults get wrong. */
export function acceptOddRequests(app: Routes): void {
  // The framework would take a text as a body, and say of it that it is not valid.
  app.removeContentTypeParser('text/plain');

  // Many clients send a content type with every request, also with one that has no body.
  app.addHook('onRequest', async ({ raw: { headers, method } }) => {
    const empty = headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0';
    if (empty && method === 'DELETE') delete headers['content-type'];
  });

  // A number past every bound is read as infinity, which the schema's bounds do not look at.
  app.addHook('preValidation', async (request) => {
    for (const [field, value] of Object.entries(request.query ?? {})) {
      if (Math.abs(Number(value)) === Number.POSITIVE_INFINITY) {
        throw new HubbubError('INVALID_REQUEST', `Invalid query: ${field} is out of bounds`);
      }
    }
  });
}
