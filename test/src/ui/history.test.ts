/** A long conversation: back without a jump, forth with a count. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Window } from './browser.js';
import { uiStage } from './stage.js';

const V1 = '/api/v1/chat';
const COUNT = 320;
const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });

/** A channel with many messages of very different heights. */
async function longChannel(): Promise<string> {
  const channel = await stage.channel('ada', { name: 'long' });
  const ada = await stage.as('ada');
  for (let n = 0; n < COUNT; n++) {
    const content = `number ${n}.${' and so on'.repeat((n * 13) % 40)}`;
    await ada.post(`${V1}/channels/${channel.id}/messages`, { content }, { expect: 201 });
  }
  return channel.id;
}

/** Where a message stands on the screen; null: it is not drawn. */
async function placeOf(window: Window, text: string): Promise<number | null> {
  return (await window.message(text).boundingBox())?.y ?? null;
}

test('older messages come as the reader goes up, and what he looks at does not move', async () => {
  const id = await longChannel();
  const bob = await stage.visit('bob', id);
  await bob.sees(`number ${COUNT - 1}.`);
  const { page } = bob;
  // Every step in the page's own time: the place of each row that is drawn, before and after each frame.
  const jumps = await page.evaluate(async () => {
    const scroller = document.querySelector('.scroller');
    if (scroller === null) throw new Error('no list');
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const places = () =>
      new Map(
        [...document.querySelectorAll<HTMLElement>('article')].map((row) => [
          row.dataset.id ?? '',
          row.getBoundingClientRect().top,
        ]),
      );
    const isSeen = (top: number) => top > 60 && top < 700;
    const found: number[] = [];
    for (let step = 0; step < 1500 && document.querySelector('.list-head') === null; step++) {
      if (step % 3 === 0) {
        scroller.scrollTop -= 300;
        // The list takes note of it in the next frame.
        await frame();
      }
      const before = places();
      await frame();
      for (const [key, top] of places()) {
        const was = before.get(key);
        if (was !== undefined && isSeen(was)) found.push(Math.abs(top - was));
      }
    }
    return { worst: Math.max(...found), looks: found.length, isThere: document.querySelector('.list-head') !== null };
  });
  assert.equal(jumps.isThere, true, 'the beginning of the conversation was not reached');
  assert.ok(jumps.looks > 1000, `${jumps.looks} looks`);
  assert.ok(jumps.worst < 1.5, `a row moved by ${jumps.worst} px without the reader`);
  await page.getByText('This is where the conversation began.').waitFor();

  // And what comes below meanwhile.
  await page.evaluate(() => document.querySelector('.scroller')?.scrollTo(0, 900));
  const text = 'number 5.';
  const before = await placeOf(bob, text);
  const ada = await stage.as('ada');
  for (let n = 0; n < 3; n++) {
    await ada.post(`${V1}/channels/${id}/messages`, { content: `later ${n}` }, { expect: 201 });
  }
  const jump = page.getByRole('button', { name: '3 new messages' });
  await jump.waitFor();
  assert.equal(await placeOf(bob, text), before);
  await jump.click();
  await bob.sees('later 2');
  await jump.waitFor({ state: 'detached' });
  await page.locator('article').filter({ hasText: 'later 0' }).getByText('New', { exact: true }).waitFor();
});

test('by the keyboard alone: to the messages and their menus, and back', async () => {
  await stage.channel('ada', { name: 'keys' });
  const window = await stage.desk.window(stage.url);
  const { page } = window;
  const { keyboard } = page;
  const focused = () =>
    page.evaluate(() => {
      const { activeElement: element, body } = document;
      return element === body ? 'nothing' : (element?.getAttribute('aria-label') ?? element?.textContent ?? '');
    });
  await window.go();
  await page.getByLabel('Your name').waitFor();
  await keyboard.type('kim');
  await keyboard.press('Enter');
  await page.getByRole('searchbox').waitFor();
  await keyboard.press('Control+k');
  await keyboard.type('keys');
  await page.getByRole('link', { name: /keys/ }).waitFor();
  await page.getByRole('link', { name: /long/ }).waitFor({ state: 'detached' });
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await window.field.waitFor();
  while ((await focused()) !== 'Message keys') await keyboard.press('Tab');
  for (const text of ['first', 'second', 'third']) {
    await keyboard.type(text);
    await keyboard.press('Enter');
    await window.sees(text);
  }
  await keyboard.press('ArrowUp');
  assert.match(await focused(), /third/);
  await keyboard.press('Home');
  assert.match(await focused(), /first/);
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await keyboard.press('d');
  assert.match(await focused(), /Delete message/);
  await keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'detached' });
  assert.match(await focused(), /second/);
  await keyboard.press('Enter');
  await keyboard.press('End');
  await keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Delete this message?' }).waitFor();
  while ((await focused()) !== 'Delete') await keyboard.press('Tab');
  await keyboard.press('Enter');
  await page.getByText('This message was deleted').waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.match(await focused(), /This message was deleted/);
  await keyboard.press('Escape');
  assert.equal(await focused(), 'Message keys');
});
