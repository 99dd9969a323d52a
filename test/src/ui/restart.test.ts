/** A server that goes away and comes back, and a token that lapses, in mid-conversation. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import type { Channel } from '@hubbub/protocol/rest.js';
import { HubbubProcess } from '../support/hubbub.js';
import { type Pair, startPair } from '../support/pair.js';
import { freePort } from '../support/ports.js';
import { api } from '../support/rest.js';
import { Desk } from './browser.js';

/** What a browser says of a server that is away. */
const AWAY = /WebSocket connection to|ERR_CONNECTION_REFUSED|status of 503/;

let pair: Pair;
let desk: Desk;
let port: number;
before(async () => {
  port = await freePort();
  pair = await startPair('cluster', { instances: 1, env: { PORT: String(port), CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
  desk = await Desk.open();
});
afterEach(() => desk.clear());
after(async () => {
  await desk.close();
  await pair.stop();
});

test('before a token ends the user is asked for another one, and the conversation goes on', async () => {
  const { url } = pair.at(0);
  const inSeconds = (seconds: number) => ({ exp: Math.floor(Date.now() / 1000) + seconds });
  // The server warns a minute ahead.
  const [token, next, foreign] = await Promise.all([
    pair.token('eve', inSeconds(66)),
    pair.token('eve', inSeconds(3600)),
    pair.token('mallory'),
  ]);
  const body = { name: 'long talk' };
  const { id } = (await api(url, token).post<Channel>('/api/v1/chat/channels', body, { expect: 201 })).body;
  const eve = await desk.window(url);
  await eve.go(`#/c/${id}`);
  await eve.page.getByLabel('Access token').fill('not a token');
  await eve.page.getByRole('button', { name: 'Come in' }).click();
  await eve.page.getByText('This is not an access token').waitFor();
  await eve.signInByToken(token);
  await eve.say('I was saying');
  const dialog = eve.page.getByRole('dialog', { name: 'Your access token is about to end' });
  await dialog.waitFor();
  await dialog.getByLabel('Access token').fill(foreign);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.getByText('This token is for another user.').waitFor();
  await dialog.getByLabel('Access token').fill(next);
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await dialog.waitFor({ state: 'detached' });
  await eve.say('and so on');
  await eve.sees('I was saying');
  await eve.sees('and so on');
});

test('a restart in mid-conversation loses nothing, and what was written meanwhile is sent', async () => {
  const { url } = pair.at(0);
  const tokens = await Promise.all(['ada', 'bob'].map((name) => pair.token(name)));
  const [adaToken = '', bobToken = ''] = tokens;
  const body = { name: 'through the night' };
  const { id } = (await api(url, adaToken).post<Channel>('/api/v1/chat/channels', body, { expect: 201 })).body;
  const [ada, bob] = await Promise.all([desk.window(url, { tolerated: AWAY }), desk.window(url, { tolerated: AWAY })]);
  await ada.go(`#/c/${id}`);
  await ada.signInByToken(adaToken);
  await bob.go(`#/c/${id}`);
  await bob.signInByToken(bobToken);
  await ada.say('before 1');
  await bob.sees('before 1');
  await bob.say('before 2');
  await ada.sees('before 2');

  await pair.at(0).stop();
  await ada.page.getByText('The connection is lost.').waitFor();
  await ada.say('while it was away 1');
  await ada.say('while it was away 2');
  await bob.say('from the other side');
  await ada.page.getByText('Waits to be sent').first().waitFor();
  const again = await HubbubProcess.start({ ...pair.env, PORT: String(port) });
  try {
    for (const window of [ada, bob]) {
      for (const text of ['while it was away 1', 'while it was away 2', 'from the other side']) await window.sees(text);
    }
    await bob.say('after');
    await ada.sees('after');
    await ada.page.getByText('The connection is lost.').waitFor({ state: 'detached' });
    const texts = [
      'before 1',
      'before 2',
      'while it was away 1',
      'while it was away 2',
      'from the other side',
      'after',
    ];
    for (const window of [ada, bob]) {
      const seen = await window.page.locator('.message-text').allTextContents();
      assert.deepEqual(seen.toSorted(), texts.toSorted());
      assert.ok(seen.indexOf('while it was away 1') < seen.indexOf('while it was away 2'));
    }
  } finally {
    await again.stop();
  }
});
