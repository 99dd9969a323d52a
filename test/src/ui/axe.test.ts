/** Every screen before axe, in light and in dark, wide and on a phone: nothing serious. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import axe from 'axe-core';
import { REFUSED, type Window, type WindowOptions } from './browser.js';
import { uiStage } from './stage.js';

const V1 = '/api/v1/chat';
const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });
const PHONE = { viewport: { width: 360, height: 740 } };

/** Asserts that axe finds nothing serious or critical, and that nothing is wider than the screen. */
async function assertGood({ page }: Window, screen: string): Promise<void> {
  // Colours in the middle of a transition are nobody's.
  await page.waitForFunction(() => document.getAnimations().every(({ playState }) => playState !== 'running'));
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      resultTypes: ['violations'],
    });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`,
      );
  });
  assert.deepEqual(found, [], screen);
  const { scrollWidth, clientWidth } = await page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return { scrollWidth, clientWidth };
  });
  assert.ok(scrollWidth <= clientWidth, `${screen} is wider than the screen`);
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const size of ['wide', 'phone'] as const) {
    test(`${colorScheme}, ${size}`, async () => {
      const options: WindowOptions = {
        colorScheme,
        reducedMotion: 'reduce',
        ...(size === 'phone' && PHONE),
        tolerated: REFUSED,
      };
      await throughEveryScreen(await stage.desk.window(stage.url, options));
    });
  }
}

async function throughEveryScreen(ada: Window): Promise<void> {
  const { page } = ada;
  const good = (screen: string) => assertGood(ada, screen);
  const closeDialog = async () => {
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  await ada.go();
  await page.getByLabel('Your name').waitFor();
  await page.getByRole('button', { name: 'Come in' }).click();
  await good('sign-in by name, with a mistake');
  await page.getByRole('button', { name: 'Use an access token instead' }).click();
  await good('sign-in by token');
  await page.getByRole('button', { name: 'Sign in by name instead' }).click();
  await ada.signIn('ada', 'admin');
  await good('no channel');
  await page.getByRole('button', { name: 'New channel' }).click();
  await good('new channel');
  await closeDialog();
  await page.getByRole('button', { name: 'Settings' }).click();
  await good('menu of the user');
  await page.keyboard.press('Escape');

  const channel = await stage.channel('ada', { name: 'general', description: 'Everything' });
  const bob = await stage.as('bob');
  const mallory = await stage.as('mallory');
  const post = { expect: 201 } as const;
  const content = 'See https://example.com';
  const path = `${V1}/channels/${channel.id}`;
  const { body: first } = await bob.post<{ user_id: string }>(`${path}/messages`, { content }, post);
  const { body: second } = await mallory.post<{ user_id: string }>(`${path}/messages`, { content: 'Watches!' }, post);
  await ada.go(`#/c/${channel.id}`);
  await ada.sees('Watches!');
  await ada.say('Hello');
  await ada.sees('Hello');
  await good('conversation');
  if ((await page.getByRole('button', { name: 'Close the list of people' }).count()) === 0) {
    await page.getByRole('button', { name: /^People/ }).click();
  }
  await good('people');
  await page.getByRole('tab', { name: 'Members' }).click();
  await page.getByRole('tabpanel').getByText('owner').waitFor();
  await good('members');
  await page.getByRole('button', { name: 'Add a member' }).click();
  await good('add a member');
  await closeDialog();
  await page.getByRole('button', { name: 'Close the list of people' }).click();
  await ada.message('Watches!').hover();
  await ada
    .message('Watches!')
    .getByRole('button', { name: /^Actions/ })
    .click();
  await good('menu of a message');
  await page.keyboard.press('Escape');
  for (const entry of ['Report', 'Mute…', 'Time out…', 'Ban…', 'Delete message']) {
    await ada.choose('Watches!', entry);
    await page.getByRole('dialog').waitFor();
    await good(entry);
    await closeDialog();
  }
  await page.getByRole('button', { name: 'Channel settings' }).click();
  await good('channel settings');
  await closeDialog();

  const owner = await stage.as('ada');
  await owner.post(`${path}/mute`, { user_id: first.user_id, reason: 'Noise' }, { expect: 200 });
  await owner.post(`${path}/ban`, { user_id: second.user_id, reason: 'Advertising' }, { expect: 200 });
  for (const tab of ['review', 'reports', 'restrictions', 'log']) {
    await ada.go(`#/c/${channel.id}/moderation/${tab}`);
    await page.locator('.entry, .list-note').first().waitFor();
    await page.getByText('Loading…').waitFor({ state: 'detached' });
    await good(`moderation: ${tab}`);
  }
  await ada.go('#/operator');
  await page.getByRole('heading', { name: /^Instance/ }).waitFor();
  await good('operator');

  await owner.patch(path, { slow_mode_seconds: 30 }, { expect: 200 });
  const other = ada;
  await other.page.evaluate(() => sessionStorage.clear());
  await other.go(`#/c/${channel.id}`);
  await other.page.reload();
  await other.signIn('bob');
  await other.page.getByText(/You are muted here/).waitFor();
  await good('muted');
  await owner.delete(`${path}/mute/${first.user_id}`, { expect: 200 });
  await other.page.getByText('Slow mode: one message in 30 s').waitFor();
  await good('slow mode');
  await owner.post(`${path}/ban`, { user_id: first.user_id, reason: 'Enough' }, { expect: 200 });
  await other.page.getByRole('heading', { name: /You were banned/ }).waitFor();
  await good('banned');
}
