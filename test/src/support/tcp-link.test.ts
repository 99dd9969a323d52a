import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TcpLink } from './tcp-link.js';
import { until } from './wait.js';

/** Answers with what it gets. */
let server: Server;
let served: Socket[] = [];
let link: TcpLink;

before(async () => {
  server = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
beforeEach(async (context) => {
  served = [];
  link = await TcpLink.listen((server.address() as AddressInfo).port);
  if ('after' in context) context.after(() => link.close());
});
after(() => {
  server.close();
  for (const socket of served) socket.destroy();
});

/** A client of the link, with what it has received. */
async function open(): Promise<{ socket: Socket; text: () => string; closed: Promise<unknown> }> {
  const socket = connect(link.port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk;
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed]);
  return { socket, text: () => received, closed };
}

test('bytes go through in both directions, and so does the end', async () => {
  const { socket, text, closed } = await open();
  socket.write('one ');
  socket.end('two');
  await closed;
  assert.equal(text(), 'one two');
  await until(() => link.size === 0);
});

test('a black hole swallows nothing: all of it comes through afterwards', async () => {
  const { socket, text } = await open();
  socket.write('before ');
  await until(() => text() === 'before ');
  link.blackHole();
  const late = await open();
  late.socket.write('late');
  socket.write('within');
  await delay(50);
  assert.equal(text(), 'before ');
  assert.equal(late.text(), '');
  link.heal();
  await until(() => text() === 'before within' && late.text() === 'late');
});

test('nobody hears through a black hole that the other side has gone', async () => {
  const { socket, text, closed } = await open();
  socket.write('x');
  await until(() => text() === 'x');
  link.blackHole();
  for (const each of served) each.destroy();
  assert.equal(await Promise.race([closed, delay(50, 'open')]), 'open');
  link.heal();
  await closed;
});

test('a delay holds everything back and keeps its order', async () => {
  const { socket, text } = await open();
  link.delayMs = 40;
  const startedAtMs = performance.now();
  socket.write('a');
  await delay(10);
  link.delayMs = 0;
  socket.write('b');
  await until(() => text() === 'ab');
  assert.ok(performance.now() - startedAtMs >= 39);
});

test('a cut resets those that it is asked to, and refusing keeps new ones out', async () => {
  const [first, second] = [await open(), await open()];
  first.socket.write('1');
  second.socket.write('2');
  await until(() => first.text() === '1' && second.text() === '2');
  let asked = 0;
  link.cut(() => asked++ === 0);
  await first.closed;
  second.socket.write('3');
  await until(() => second.text() === '23');
  link.refusing = true;
  const refused = await open();
  await refused.closed;
  link.heal();
  const accepted = await open();
  accepted.socket.write('4');
  await until(() => accepted.text() === '4');
});

test('without a target there is nobody to talk to', async () => {
  link.target = 0;
  const { closed } = await open();
  await closed;
});
