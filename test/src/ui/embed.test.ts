/** `<hubbub-chat>` in a page of somebody else's. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { api } from '../support/rest.js';
import { Desk } from './browser.js';
import { uiStage } from './stage.js';

const stage = uiStage('embedded');

test('the example page shows the newest channel, in a shadow tree with its own styles', async () => {
  const channel = await stage.channel('ada', { name: 'welcome' });
  const ada = await stage.visit('ada', channel.id);
  const guest = await stage.desk.window(stage.url);
  await guest.go('examples/embed.html?name=guest');
  await guest.say('Hello from a page of mine');
  await ada.sees('Hello from a page of mine');
  await ada.say('Hello page');
  await guest.sees('Hello page');
  const chat = guest.page.locator('hubbub-chat');
  assert.equal(await chat.evaluate((element) => element.childElementCount), 0);
  assert.match(await guest.field.evaluate((field) => getComputedStyle(field).fontFamily), /Inter/);
  assert.match(
    await guest.page.getByRole('heading', { level: 1 }).evaluate((h1) => getComputedStyle(h1).fontFamily),
    /Georgia/,
  );
});

test('the whole page in a frame takes its token from the page around it, of the same origin', async () => {
  const token = await stage.pair.token('framed');
  const around = await stage.desk.window(stage.url);
  const body =
    '<!doctype html><title>Around</title><iframe title="Chat" src="/" width="900" height="600"></iframe><script>' +
    'addEventListener("message", ({ source, data }) => { if (data.type === "hubbub:token-request") ' +
    `source.postMessage({ type: "hubbub:token", token: ${JSON.stringify(token)} }, location.origin); });</script>`;
  await around.page.route('**/around.html', (route) => route.fulfill({ contentType: 'text/html', body }));
  await around.go('around.html');
  const frame = around.page.frameLocator('iframe');
  await frame.getByText('framed', { exact: true }).waitFor();
  await frame.getByRole('searchbox', { name: 'Find a channel' }).waitFor();
});

test('the page of another origin, with a strict policy of its own, shows a channel by one tag', async () => {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  let pair: Pair | null = null;
  let site: Server | null = null;
  const desk = await Desk.open();
  try {
    pair = await startPair('cluster', {
      instances: 1,
      env: { WEBSOCKET_ALLOWED_ORIGINS: origin, CORS_ALLOWED_ORIGINS: origin },
    });
    const { url, wsUrl } = pair.at(0);
    const [adaToken, bobToken] = await Promise.all([pair.token('ada'), pair.token('bob')]);
    const body = { name: 'shop window' };
    const { id } = (await api(url, adaToken).post<Channel>('/api/v1/chat/channels', body, { expect: 201 })).body;
    const page =
      '<!doctype html><title>Shop</title><link rel="icon" href="data:,">' +
      `<script src="${url}/embed.js" defer></script>` +
      `<hubbub-chat channel="${id}" token="${adaToken}" theme="dark"></hubbub-chat>`;
    site = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.setHeader(
        'content-security-policy',
        `default-src 'none'; script-src ${url}; connect-src ${url} ${wsUrl}; img-src data:`,
      );
      response.end(page);
    });
    await new Promise<void>((resolve) => site?.listen(port, '127.0.0.1', resolve));
    assert.equal((site.address() as AddressInfo).port, port);
    const shop = await desk.window(origin, { elsewhere: new URL(url).host });
    await shop.go();
    await shop.say('Is anybody there?');
    await shop.sees('Is anybody there?');
    const messages = `/api/v1/chat/channels/${id}/messages`;
    await api(url, bobToken).post(messages, { content: 'Yes, me' }, { expect: 201 });
    await shop.sees('Yes, me');
    await desk.clear();
  } finally {
    await desk.close();
    await new Promise<void>((resolve) => (site === null ? resolve() : site.close(() => resolve())));
    await pair?.stop();
  }
});
