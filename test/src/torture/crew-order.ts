import { Random } from './random.js';

/** A channel that a client moderates, and whom he may act on there. */
export interface Moderated {
  readonly ch: number;
  readonly targets: readonly { readonly c: number; readonly userId: string }[];
}

/** What one client is and does. */
export interface ClientPlan {
  /** His number in the whole run. */
  readonly c: number;
  readonly token: string;
  /** `one`: a one-channel connection; `many`: a connection with joins and leaves. */
  readonly mode: 'one' | 'many';
  /** Numbers of the channels that he belongs to. */
  readonly channels: readonly number[];
  /** The channel that he has made and may change; null: none. */
  readonly owns: number | null;
  /** The channel that he moderates; null: none. */
  readonly moderates: Moderated | null;
  /** Time between two things that he does, in milliseconds on average. */
  readonly meanPauseMs: number;
  /** Stands still for long, in a channel where much is said, until the server gives him up. */
  readonly sluggish: boolean;
}

/** What a process full of clients is told. */
export interface CrewOrder {
  readonly seed: number;
  readonly logFile: string;
  /** Base URLs of the instances. */
  readonly urls: readonly string[];
  /** Ids of the channels; one number stands for one id everywhere else. */
  readonly channelIds: readonly string[];
  /** The channel whose messages are large; null: none. */
  readonly loudChannel: number | null;
  /** Channels from this number on are quiet, but for the loud one: a message that gets lost there has no successor to show it. */
  readonly quietFrom: number;
  readonly clients: readonly ClientPlan[];
}

/** How far a crew is. */
export interface CrewProgress {
  readonly connected: number;
  readonly sent: number;
  readonly acked: number;
  readonly got: number;
  /** Messages that wait for an answer. */
  readonly open: number;
  /** Everyone is in all of his channels, and nothing waits for an answer. */
  readonly settled: boolean;
}

export type CrewCommand =
  | { readonly kind: 'order'; readonly order: CrewOrder }
  /** Nobody starts anything new; everyone comes back and finishes. */
  | { readonly kind: 'quiet' }
  | { readonly kind: 'progress' }
  /** Asks whether everyone has got up to these places, one a channel. */
  | { readonly kind: 'reached'; readonly heads: readonly number[] }
  | { readonly kind: 'end' };

export type CrewAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'progress'; readonly progress: CrewProgress }
  | { readonly kind: 'reached'; readonly behind: number }
  | { readonly kind: 'ended' };

const ONE_CHANNEL_SHARE = 0.45;
const MOST_CHANNELS = 5;
const SLUGGISH_SHARE = 0.02;

export interface CrowdOptions {
  readonly seed: number;
  readonly clients: number;
  readonly channels: number;
  /** Things done a second, by all clients together. */
  readonly actionsPerSecond: number;
  readonly token: (c: number) => string;
  readonly userId: (c: number) => string;
}

/** Two clients moderate a channel: the one who has made it, and this one. */
export function secondModerator(ch: number, { clients, channels }: Pick<CrowdOptions, 'clients' | 'channels'>): number {
  return (ch + channels) % clients;
}

/**
 * Who is in which channel. The first channels are crowded and the last ones nearly empty, so that there are hubs which
 * come and go; the very last one is the loud one.
 */
export function planCrowd(options: CrowdOptions): Pick<CrewOrder, 'clients' | 'loudChannel' | 'quietFrom'> {
  const random = new Random(options.seed).fork(3);
  const loudChannel = options.channels > 2 ? options.channels - 1 : null;
  const usual = loudChannel === null ? options.channels : loudChannel;
  const sluggish = loudChannel === null ? 0 : Math.max(2, Math.round(options.clients * SLUGGISH_SHARE));
  const clients: Omit<ClientPlan, 'moderates'>[] = [];
  for (let c = 0; c < options.clients; c++) {
    const isLoud = loudChannel !== null && c < 2 * sluggish;
    const mode = isLoud || random.chance(ONE_CHANNEL_SHARE) ? 'one' : 'many';
    clients.push({
      c,
      token: options.token(c),
      mode,
      channels: isLoud ? [loudChannel] : pickChannels(usual, mode === 'one' ? 1 : random.int(2, MOST_CHANNELS), random),
      owns: c < options.channels ? c : null,
      meanPauseMs: (options.clients / options.actionsPerSecond) * 1000,
      sluggish: isLoud && c < sluggish,
    });
  }
  const moderates = (c: number): Moderated | null => {
    const staff = (ch: number) => [ch % options.clients, secondModerator(ch, options)];
    const charge = Array.from({ length: options.channels }, (_, ch) => ch).find((ch) => staff(ch).includes(c));
    if (charge === undefined) return null;
    const targets = clients.filter((other) => other.channels.includes(charge) && !staff(charge).includes(other.c));
    return { ch: charge, targets: targets.map((other) => ({ c: other.c, userId: options.userId(other.c) })) };
  };
  return {
    clients: clients.map((client) => ({ ...client, moderates: moderates(client.c) })),
    loudChannel,
    quietFrom: Math.ceil(usual / 2),
  };
}

function pickChannels(channels: number, count: number, random: Random): number[] {
  const weights: Record<string, number> = {};
  for (let ch = 0; ch < channels; ch++) weights[ch] = 1 / (ch + 1);
  const picked: number[] = [];
  while (picked.length < Math.min(count, channels)) {
    const ch = random.weighted(weights);
    delete weights[ch];
    picked.push(Number(ch));
  }
  return picked;
}
