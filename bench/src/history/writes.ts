import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { Histogram } from '../generator/histogram.js';
import type { Measurement } from '../metrics.js';
import type { HubbubSystem } from '../systems/hubbub.js';

const JOIN_TIMEOUT_MS = 30_000;

/**
 * Sends messages at a fixed rate over one connection, to several channels in turn, until `ended` settles.
 *
 * @returns from each send to the sender's own message coming back, which is the acknowledgement
 */
export async function acknowledge(
  system: HubbubSystem,
  channelIds: readonly string[],
  perSecond: number,
  ended: Promise<unknown>,
): Promise<Measurement> {
  const socket = new WebSocket(`${system.instances[0]?.wsUrl}/ws/chat`, {
    headers: { authorization: `Bearer ${system.token(1)}` },
    perMessageDeflate: false,
  });
  const sentAtMs = new Map<string, number>();
  const times = new Histogram();
  const joined = new Set<string>();
  let failure: Error | null = null;
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('open', () => {
    for (const channel_id of channelIds) socket.send(JSON.stringify({ type: 'join', channel_id }));
  });
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as { type: string; channel_id: string; message_id: string };
    if (frame.type === 'subscribed') joined.add(frame.channel_id);
    if (frame.type === 'error') failure = new Error(`a message was refused: ${String(data)}`);
    const startedMs = sentAtMs.get(frame.message_id);
    if (frame.type !== 'message' || startedMs === undefined) return;
    times.record((performance.now() - startedMs) * 1000);
    sentAtMs.delete(frame.message_id);
  });
  try {
    for (const limitMs = performance.now() + JOIN_TIMEOUT_MS; joined.size < channelIds.length; await delay(20)) {
      if (failure !== null) throw failure;
      if (performance.now() > limitMs) throw new Error(`${joined.size} of ${channelIds.length} channels were joined`);
    }
    let isOver = false;
    void ended.finally(() => {
      isOver = true;
    });
    const startedMs = performance.now();
    for (let sent = 0; !isOver; sent++) {
      if (failure !== null) throw failure;
      await delay(Math.max(0, startedMs + (sent * 1000) / perSecond - performance.now()));
      const message_id = randomUUID();
      sentAtMs.set(message_id, performance.now());
      const channel_id = channelIds[sent % channelIds.length];
      socket.send(JSON.stringify({ type: 'message', channel_id, message_id, content: `message ${sent}` }));
    }
    for (const limitMs = performance.now() + JOIN_TIMEOUT_MS; sentAtMs.size > 0; await delay(20)) {
      if (performance.now() > limitMs) break;
    }
    const ms = (part: number) => times.quantile(part) / 1000;
    return { p50Ms: ms(0.5), p95Ms: ms(0.95), p99Ms: ms(0.99), maxMs: ms(1), lost: sentAtMs.size };
  } finally {
    socket.terminate();
  }
}
