/**
 * The bar: what Node.js and `ws` give when nothing else is done. A message is parsed and made into a frame once; what a
 * channel gathers in a tick is one buffer, and each socket gets one write. No token, no limits, no storage, no order
 * over several instances, nothing for those who read slowly.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type RawData, WebSocketServer } from 'ws';
import { peerMessage } from './peer-message.js';

interface Channel {
  readonly sockets: Set<Socket>;
  frames: Buffer[];
  seq: number;
}

const FIN_TEXT = 0x81;
const BACKLOG = 4096;

const channels = new Map<string, Channel>();
const server = createServer();
const webSockets = new WebSocketServer({ noServer: true });

server.on('upgrade', (request, socket, head) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const channelIds = (searchParams.get('channels') ?? '').split(',');
  const username = searchParams.get('user') ?? '';
  const userId = randomUUID();
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    // An upgraded HTTP/1.1 connection is a net.Socket; the event says only that it is a stream.
    const tcp = socket as Socket;
    for (const channelId of channelIds) {
      const channel = channelOf(channelId);
      channel.sockets.add(tcp);
      tcp.write(textFrame(JSON.stringify({ type: 'subscribed', channel_id: channelId, seq: channel.seq })));
    }
    webSocket.on('message', (data) => onMessage(username, userId, data));
    webSocket.on('error', () => {});
    webSocket.on('close', () => {
      for (const channelId of channelIds) channelOf(channelId).sockets.delete(tcp);
    });
  });
});
server.listen(0, '127.0.0.1', BACKLOG, () => console.log(`listening on ${(server.address() as AddressInfo).port}`));

function channelOf(id: string): Channel {
  let channel = channels.get(id);
  if (channel === undefined) {
    channel = { sockets: new Set(), frames: [], seq: 0 };
    channels.set(id, channel);
  }
  return channel;
}

function onMessage(username: string, userId: string, data: RawData): void {
  const { channel_id, content } = JSON.parse(data.toString()) as { channel_id: string; content: string };
  const channel = channelOf(channel_id);
  channel.seq++;
  channel.frames.push(textFrame(JSON.stringify(peerMessage(channel_id, username, userId, content, channel.seq))));
  if (channel.frames.length === 1) setImmediate(flush, channel);
}

function flush(channel: Channel): void {
  const bytes = Buffer.concat(channel.frames);
  channel.frames = [];
  for (const socket of channel.sockets) socket.write(bytes);
}

/** Frames of chat messages are between 126 and 65,535 bytes long, or shorter. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header =
    payload.length < 126 ? [FIN_TEXT, payload.length] : [FIN_TEXT, 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from(header), payload]);
}
