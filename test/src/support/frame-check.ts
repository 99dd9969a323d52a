/** Every frame that a server sends in a test must be one of the wire contract. */
import { SERVER_FRAMES, type ServerFrame } from '@hubbub/protocol/frames.js';
import type { ValidateFunction } from 'ajv';
import { createAjv } from './schema.js';

const ajv = createAjv();
const validators = new Map<string, ValidateFunction>(
  Object.entries(SERVER_FRAMES).map(([type, schema]) => [type, ajv.compile(schema)]),
);

/**
 * The frame that a text holds.
 *
 * @throws when it is not JSON, of an unknown type, or not as its schema says
 */
export function parseServerFrame(text: string): ServerFrame {
  const frame: unknown = JSON.parse(text);
  const type = typeof frame === 'object' && frame !== null && 'type' in frame ? String(frame.type) : '';
  const validate = validators.get(type);
  if (validate === undefined) throw new Error(`The server sent a frame of an unknown type: ${text}`);
  if (!validate(frame)) {
    throw new Error(`The server sent a frame that breaks the contract, ${ajv.errorsText(validate.errors)}: ${text}`);
  }
  return frame as ServerFrame;
}
