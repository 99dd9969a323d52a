/** Messages that the server refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uiStage } from './stage.js';

const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '20', CHAT_RATE_LIMIT_BURST: '2' } });

test('a message that is refused stays with its reason, is tried again, or discarded', async () => {
  const channel = await stage.channel('ada');
  const ada = await stage.visit('ada', channel.id);
  const bob = await stage.visit('bob', channel.id);
  for (const text of ['one', 'two', 'three', 'four']) await ada.say(text);
  await ada.page
    .getByText(/^Not sent. Too many at once: try again in \d s.$/)
    .nth(1)
    .waitFor();
  await ada.message('four').getByRole('button', { name: 'Discard' }).click();
  await ada.message('four').waitFor({ state: 'detached' });
  // 20 a minute: the next place comes after three seconds.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  await ada.message('three').getByRole('button', { name: 'Try again' }).click();
  await bob.sees('three');
  await ada.sees('three');
  assert.deepEqual(await bob.page.locator('.message-text').allTextContents(), ['one', 'two', 'three']);
});
