/** People in windows side by side, talking. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { subjectOf } from '../support/tokens.js';
import { until } from '../support/wait.js';
import { REFUSED } from './browser.js';
import { uiStage } from './stage.js';

const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });

test('two people in two windows find a channel, see each other, and talk', async () => {
  const ada = await stage.desk.window(stage.url);
  await ada.go();
  await ada.signIn('ada');
  await ada.page.getByRole('button', { name: 'New channel' }).click();
  await ada.page.getByLabel('Name').fill('lunch');
  await ada.page.getByLabel('What it is about').fill('What is there today');
  await ada.page.getByRole('button', { name: 'Create channel' }).click();
  await ada.page.getByRole('heading', { name: 'lunch' }).waitFor();

  const bob = await stage.desk.window(stage.url);
  await bob.go();
  await bob.signIn('bob');
  await bob.page.getByRole('searchbox').fill('lunc');
  await bob.page.getByRole('link', { name: /lunch/ }).click();
  await ada.page.getByRole('button', { name: 'People, 2 online' }).waitFor();
  await ada.page.getByLabel('People', { exact: true }).first().getByText('bob').waitFor();

  await ada.say('Soup or salad?');
  await bob.sees('Soup or salad?');
  await bob.field.pressSequentially('So');
  await ada.page.getByText('bob is typing').waitFor();
  await bob.say('Soup, and see https://example.com/menu?day=1.');
  await ada.sees('Soup, and see');
  const link = ada.message('Soup, and see').getByRole('link');
  assert.equal(await link.getAttribute('href'), 'https://example.com/menu?day=1');
  assert.match((await link.getAttribute('rel')) ?? '', /noopener/);
  await until(async () => (await ada.page.getByText('bob is typing').count()) === 0);
});

test('text is text: nothing that is written becomes a part of the page', async () => {
  const channel = await stage.channel('ada');
  const ada = await stage.visit('ada', channel.id);
  const hostile = '<img src=x onerror=alert(1)> [a](javascript:alert(1)) <b>bold</b> javascript:alert(2)';
  await ada.say(hostile);
  await ada.sees(hostile);
  assert.equal(await ada.message(hostile).locator('img, b, a').count(), 0);
});

test('a private channel is seen by its members alone', async () => {
  const lobby = await stage.channel('ada', { name: 'lobby' });
  const secret = await stage.channel('ada', { name: 'secret', channel_type: 'private' });
  const carol = await stage.visit('carol', lobby.id, { tolerated: REFUSED });
  await carol.go(`#/c/${secret.id}`);
  await carol.page.getByRole('heading', { name: 'You cannot open this channel' }).waitFor();

  const ada = await stage.visit('ada', secret.id);
  await ada.page.getByRole('tab', { name: 'Members' }).click();
  await ada.page.getByRole('button', { name: 'Add a member' }).click();
  await ada.page.getByLabel('Who').fill(subjectOf(await stage.pair.token('carol')));
  await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
  await ada.page.getByRole('tabpanel').getByText('carol').waitFor();

  await carol.page.getByRole('button', { name: 'Try again' }).click();
  await carol.say('Thank you for letting me in');
  await ada.sees('Thank you for letting me in');
});

test('slow mode counts down, wherever the last message was written', async () => {
  const channel = await stage.channel('ada', { name: 'slow' });
  const owner = await stage.as('ada');
  await owner.patch(`/api/v1/chat/channels/${channel.id}`, { slow_mode_seconds: 6 }, { expect: 200 });
  const dave = await stage.visit('dave', channel.id);
  await dave.page.getByText('Slow mode: one message in 6 s').waitFor();
  await dave.say('one');
  await dave.sees('one');
  await dave.page.getByText(/^Slow mode: [1-6] s$/).waitFor();
  await dave.field.fill('two');
  assert.equal(await dave.page.getByRole('button', { name: 'Send' }).isDisabled(), true);
  await dave.page.getByText('Slow mode: one message in 6 s').waitFor();
  await dave.field.press('Enter');
  await dave.sees('two');
  await dave.page.getByText('Slow mode: one message in 6 s').waitFor();
  const elsewhere = await stage.as('dave');
  await elsewhere.post(`/api/v1/chat/channels/${channel.id}/messages`, { content: 'three' }, { expect: 201 });
  await dave.page.getByText(/^Slow mode: [1-6] s$/).waitFor();
});

test('near the longest message it is said how much is left, and past it nothing is sent', async () => {
  const channel = await stage.channel('ada');
  const ada = await stage.visit('ada', channel.id);
  await ada.field.fill('🙂'.repeat(490));
  await ada.page.getByText('10 characters left').waitFor();
  await ada.field.fill('🙂'.repeat(503));
  await ada.page.getByText('3 too many').waitFor();
  await ada.field.press('Enter');
  assert.equal(await ada.page.locator('article').count(), 0);
  await ada.field.fill('🙂'.repeat(500));
  await ada.field.press('Enter');
  await ada.sees('🙂'.repeat(500));
});
