/** Schema pieces that REST bodies and WebSocket frames share. */
import Type, { type TSchema } from 'typebox';

/** Who may write: everyone who may read, members, or the channel's staff (moderators and up). */
export const POSTING_MODES = ['everyone', 'members', 'staff'] as const;

export const Uuid = Type.String({
  format: 'uuid',
  description: 'UUID in its canonical form',
  examples: ['6f9619ff-8b86-4d01-b42d-00cf4fc964ff'],
});

export const Timestamp = Type.String({
  format: 'date-time',
  description: 'RFC 3339, UTC, milliseconds',
  examples: ['2026-01-31T12:00:00.000Z'],
});

export const Seq = Type.Integer({
  minimum: 0,
  description: "Place in the channel's one sequence, without gaps from 1",
});

/** `schema` or JSON null. */
export function Nullable<T extends TSchema>(schema: T, description?: string) {
  return Type.Union([schema, Type.Null()], description === undefined ? {} : { description });
}

/** One of the given strings, as a JSON Schema `enum`. */
export function OneOf<const T extends string>(values: readonly T[], description?: string) {
  return Type.Unsafe<T>({
    type: 'string',
    enum: [...values],
    ...(description === undefined ? {} : { description }),
  });
}
