/**
 * Socket.IO with its Redis adapter, as its documentation sets it up, over WebSocket alone. One room a channel, `seq` held
 * in memory; no token, no limits, no storage.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from '@redis/client';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import { peerMessage } from './peer-message.js';

const BACKLOG = 4096;

const publisher = createClient({ url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) client.on('error', (error) => console.error(String(error)));
await Promise.all([publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, {
  adapter: createAdapter(publisher, subscriber),
  transports: ['websocket'],
  serveClient: false,
});
const places = new Map<string, number>();

io.on('connection', async (socket) => {
  const { channels, user } = socket.handshake.query;
  const userId = randomUUID();
  socket.on('message', ({ channel_id, content }: { channel_id: string; content: string }) => {
    const seq = (places.get(channel_id) ?? 0) + 1;
    places.set(channel_id, seq);
    io.to(channel_id).emit('message', peerMessage(channel_id, String(user), userId, content, seq));
  });
  await socket.join(String(channels).split(','));
});
server.listen(0, '127.0.0.1', BACKLOG, () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
