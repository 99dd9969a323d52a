/**
 * Finds the generator's own limit: from the first message on that it gets, it writes the same buffer of ready frames to
 * all sockets again and again, as fast as they take it. It does less than any server could.
 */
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { nowUs } from '../generator/clock.js';
import { peerMessage } from './peer-message.js';

const FRAMES = 32;
const BACKLOG = 4096;
const STAMP_DIGITS = 13;
/** Sequences of nine digits, so that each place is as long as the one before. */
const FIRST_SEQ = 100_000_000;
const UNSENT_BYTES = 256 * 1024;

const sockets: Socket[] = [];
const server = createServer();
const webSockets = new WebSocketServer({ noServer: true });
let frames: Buffer | null = null;
let seq = FIRST_SEQ;

server.on('upgrade', (request, socket, head) => {
  const channelId = new URL(request.url ?? '/', 'http://localhost').searchParams.get('channels') ?? '';
  webSockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
    // An upgraded HTTP/1.1 connection is a net.Socket; the event says only that it is a stream.
    sockets.push(socket as Socket);
    webSocket.send(JSON.stringify({ type: 'subscribed', channel_id: channelId, seq: FIRST_SEQ - 1 }));
    webSocket.on('error', () => {});
    webSocket.on('message', (data) => {
      if (frames !== null) return;
      const { content } = JSON.parse(data.toString()) as { content: string };
      frames = Buffer.concat(Array.from({ length: FRAMES }, () => frameOf(channelId, content)));
      flood();
    });
  });
});
server.listen(0, '127.0.0.1', BACKLOG, () => console.log(`listening on ${(server.address() as AddressInfo).port}`));

function frameOf(channelId: string, content: string): Buffer {
  const payload = Buffer.from(JSON.stringify(peerMessage(channelId, 'u000000', channelId, content, FIRST_SEQ)));
  return Buffer.concat([Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]), payload]);
}

function flood(): void {
  const bytes = nextFrames();
  if (bytes === null) return;
  for (const socket of sockets) socket.write(bytes);
  // All sockets get the same, so the slowest one sets the pace.
  const again = () => {
    if (sockets.some((socket) => !socket.destroyed && socket.writableLength > UNSENT_BYTES)) setTimeout(again, 1);
    else setImmediate(flood);
  };
  again();
}

/** The frames with their next places and the time. */
function nextFrames(): Buffer | null {
  if (frames === null) return null;
  const bytes = Buffer.from(frames);
  const size = bytes.length / FRAMES;
  const stamp = String(Math.floor(nowUs())).padStart(STAMP_DIGITS, '0');
  const contentAt = bytes.indexOf('"content":"') + '"content":"'.length;
  for (let index = 0; index < FRAMES; index++) {
    bytes.write(stamp, index * size + contentAt, 'latin1');
    bytes.write(String(seq++), (index + 1) * size - 1 - String(FIRST_SEQ).length, 'latin1');
  }
  return bytes;
}
