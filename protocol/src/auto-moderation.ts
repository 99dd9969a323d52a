/** Bodies of auto-moderation: the rules of a channel, its shield, and the queue of messages that wait for review. */
import Type, { type Static } from 'typebox';
import {
  MAX_ALLOWED_HOSTS,
  MAX_BLOCKED_WORD_CHARS,
  MAX_BLOCKED_WORDS,
  MAX_REASON_CHARS,
  MAX_SLOW_MODE_SECONDS,
  MAX_TIMEOUT_MINUTES,
} from './limits.js';
import { Nullable, OneOf, POSTING_MODES, Timestamp, Uuid } from './schemas.js';

const closed = { additionalProperties: false } as const;

/** What happens to a message that a rule hits. With `timeout` it is refused, too. */
export const RULE_OUTCOMES = ['refuse', 'hold', 'timeout'] as const;
export type RuleOutcome = (typeof RULE_OUTCOMES)[number];

const outcome = {
  outcome: OneOf(RULE_OUTCOMES, 'Refuse it with an error, hold it for review, or refuse it and time its author out'),
  timeout_minutes: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_TIMEOUT_MINUTES, description: 'With `timeout`; 10 when absent' }),
  ),
};

export const WordsRule = Type.Object(
  {
    list: Type.Array(Type.String({ minLength: 1, maxLength: MAX_BLOCKED_WORD_CHARS }), {
      minItems: 1,
      maxItems: MAX_BLOCKED_WORDS,
      description:
        'Whole words and phrases, whatever their case, diacritics and look-alike letters; `*` at the end of one stands for any end of the word',
      examples: [['badword', 'buy now', 'spam*']],
    }),
    ...outcome,
  },
  closed,
);
export const LinksRule = Type.Object(
  {
    allow: OneOf(['none', 'listed', 'all'], 'Which links may be sent'),
    hosts: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
        maxItems: MAX_ALLOWED_HOSTS,
        description: 'With `listed`: these hosts and every subdomain of theirs',
        examples: [['example.com', 'wikipedia.org']],
      }),
    ),
    ...outcome,
  },
  closed,
);
export const RepeatedCharactersRule = Type.Object(
  { max: Type.Integer({ minimum: 2, maximum: 1000, description: 'Longest run of one character' }), ...outcome },
  closed,
);
export const CapitalsRule = Type.Object(
  {
    max_percent: Type.Integer({
      minimum: 1,
      maximum: 99,
      description: 'Share of capitals among letters that have case',
    }),
    min_letters: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'Shorter messages pass; 10 when absent' }),
    ),
    ...outcome,
  },
  closed,
);
export const RepeatedMessagesRule = Type.Object(
  {
    max: Type.Integer({ minimum: 1, maximum: 20, description: 'How often a user may send the same text at once' }),
    within_seconds: Type.Integer({
      minimum: 1,
      maximum: 3600,
      description: 'Time in which the whole of `max` is there again',
    }),
    ...outcome,
  },
  closed,
);
export const MentionsRule = Type.Object(
  { max: Type.Integer({ minimum: 0, maximum: 100, description: 'Mentions (`@name`) in one message' }), ...outcome },
  closed,
);

export const AutoModeration = Type.Object(
  {
    words: Type.Optional(WordsRule),
    links: Type.Optional(LinksRule),
    repeated_characters: Type.Optional(RepeatedCharactersRule),
    capitals: Type.Optional(CapitalsRule),
    repeated_messages: Type.Optional(RepeatedMessagesRule),
    mentions: Type.Optional(MentionsRule),
  },
  { ...closed, title: 'AutoModeration', description: 'The rules that are on' },
);
export type AutoModeration = Static<typeof AutoModeration>;

/** A rule that is given takes the place of the one before, null switches it off, and an absent one stays. */
export const UpdateAutoModeration = Type.Object(
  {
    words: Type.Optional(Nullable(WordsRule)),
    links: Type.Optional(Nullable(LinksRule)),
    repeated_characters: Type.Optional(Nullable(RepeatedCharactersRule)),
    capitals: Type.Optional(Nullable(CapitalsRule)),
    repeated_messages: Type.Optional(Nullable(RepeatedMessagesRule)),
    mentions: Type.Optional(Nullable(MentionsRule)),
  },
  {
    ...closed,
    description: 'A rule that is given takes the place of the one before, null switches it off, an absent one stays',
    examples: [
      {
        words: { list: ['badword', 'buy now', 'spam*'], outcome: 'hold' },
        links: { allow: 'listed', hosts: ['example.com'], outcome: 'refuse' },
      },
    ],
  },
);
export type UpdateAutoModeration = Static<typeof UpdateAutoModeration>;

/** What a message can be stopped by: a rule, or the shield that holds everything. */
export const RULES = [
  'words',
  'links',
  'repeated_characters',
  'capitals',
  'repeated_messages',
  'mentions',
  'shield',
] as const;
export type RuleName = (typeof RULES)[number];

export const ShieldProfile = Type.Object(
  {
    slow_mode_seconds: Type.Integer({ minimum: 0, maximum: MAX_SLOW_MODE_SECONDS }),
    posting: OneOf(POSTING_MODES, 'Who may write at most'),
    minimum_membership_minutes: Type.Integer({
      minimum: 0,
      maximum: 525_600,
      description: 'Only who has been a member for so long may write; 0: no such bound',
    }),
    block_links: Type.Boolean({ description: 'No links, whatever the rules allow' }),
    hold_all: Type.Boolean({ description: 'Every message waits for review' }),
  },
  { ...closed, description: 'What holds while the shield is on, where it is stricter than the channel itself' },
);
export type ShieldProfile = Static<typeof ShieldProfile>;

export const ShieldBody = Type.Object(
  {
    on: Type.Boolean(),
    profile: Type.Optional(
      Type.Partial(ShieldProfile, {
        ...closed,
        minProperties: 1,
        description: 'Changes of the saved profile (channel admins); absent fields stay',
      }),
    ),
    reason: Type.Optional(Type.String({ maxLength: MAX_REASON_CHARS })),
  },
  { ...closed, examples: [{ on: true, reason: 'A raid' }] },
);
export type ShieldBody = Static<typeof ShieldBody>;

export const Shield = Type.Object(
  {
    on: Type.Boolean(),
    profile: ShieldProfile,
    own: Type.Object(
      { slow_mode_seconds: Type.Integer(), posting: OneOf(POSTING_MODES) },
      { ...closed, description: "The channel's own settings, which hold again without the shield" },
    ),
  },
  { ...closed, title: 'Shield' },
);
export type Shield = Static<typeof Shield>;

export const HeldNotice = Type.Object(
  {
    status: Type.Literal('held'),
    channel_id: Uuid,
    message_id: Uuid,
    rule: OneOf(RULES, 'What it was held by'),
    timestamp: Timestamp,
  },
  { ...closed, title: 'HeldNotice', description: 'The message waits for review; nobody sees it until it is approved' },
);
export type HeldNotice = Static<typeof HeldNotice>;

export const HeldMessage = Type.Object(
  {
    id: Uuid,
    channel_id: Uuid,
    user_id: Uuid,
    username: Type.String(),
    display_name: Nullable(Type.String()),
    avatar_url: Nullable(Type.String()),
    content: Type.String(),
    rule: OneOf(RULES),
    held_at: Timestamp,
  },
  { ...closed, title: 'HeldMessage' },
);
export type HeldMessage = Static<typeof HeldMessage>;

export const HeldList = Type.Object(
  {
    held: Type.Array(HeldMessage, { description: 'Oldest first' }),
    total: Type.Integer({ minimum: 0 }),
    limit: Type.Integer(),
    offset: Type.Integer(),
  },
  { ...closed, title: 'HeldList' },
);
export type HeldList = Static<typeof HeldList>;

export const DECISIONS = ['approve', 'reject'] as const;
export type Decision = (typeof DECISIONS)[number];

export const DecideBody = Type.Object(
  {
    decision: OneOf(DECISIONS),
    reason: Type.Optional(Type.String({ maxLength: MAX_REASON_CHARS, description: 'Its author is told' })),
  },
  { ...closed, examples: [{ decision: 'approve' }, { decision: 'reject', reason: 'Off topic' }] },
);
export type DecideBody = Static<typeof DecideBody>;

export const DecideResult = Type.Object(
  {
    status: OneOf(['approved', 'rejected']),
    message_id: Uuid,
    seq: Type.Optional(Type.Integer({ description: "Place in the channel's sequence, when approved" })),
  },
  { ...closed, title: 'DecideResult' },
);
export type DecideResult = Static<typeof DecideResult>;
