/** Moderation in place: what a moderator does, and what the one concerned sees of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../support/wait.js';
import { REFUSED } from './browser.js';
import { uiStage } from './stage.js';

const stage = uiStage('embedded', { env: { CHAT_RATE_LIMIT_PER_MINUTE: '0' } });

test('one of two who talk is banned by a third, and sees it; the ban is listed, logged, and lifted', async () => {
  const channel = await stage.channel('mod', { name: 'square' });
  const mod = await stage.visit('mod', channel.id);
  const bob = await stage.visit('bob', channel.id);
  const mallory = await stage.visit('mallory', channel.id, { tolerated: REFUSED });
  await mallory.say('Buy my watches');
  await bob.sees('Buy my watches');
  await bob.say('Please stop');
  await mallory.sees('Please stop');

  await mod.choose('Buy my watches', 'Ban…');
  await mod.page.getByLabel('For how long').selectOption('1 hour');
  await mod.page.getByLabel('Reason').fill('Advertising');
  await mod.page.getByLabel('Delete their messages').selectOption('Of the last hour');
  await mod.page.getByRole('button', { name: 'Ban', exact: true }).click();

  await mallory.page.getByRole('heading', { name: 'You were banned from “square”' }).waitFor();
  await mallory.page.getByText('Advertising').waitFor();
  await mallory.page.getByText(/It holds until \d+ \w+ \d{4}/).waitFor();
  assert.equal(await mallory.field.count(), 0);
  await bob.page.getByText('This message was deleted').waitFor();
  await bob.page.getByRole('button', { name: 'People, 2 online' }).waitFor();

  await mod.page.getByRole('link', { name: 'Moderation' }).click();
  await mod.page.getByRole('link', { name: 'Bans and mutes' }).click();
  const entry = mod.page.getByRole('listitem').filter({ hasText: 'Banned' });
  await entry.getByText('Advertising').waitFor();
  await mod.page.getByRole('link', { name: 'Audit log' }).click();
  await mod.page.getByLabel('Action').selectOption('banned');
  await until(async () => (await mod.page.locator('.entry').count()) === 1);
  await mod.page.locator('.entry').getByText('Advertising').waitFor();
  await mod.page.getByRole('link', { name: 'Bans and mutes' }).click();
  await mod.page.getByRole('button', { name: 'Lift the ban of mallory' }).click();
  await mod.page.getByText('Nobody is banned, timed out or muted here.').waitFor();

  await mallory.page.getByRole('button', { name: 'Try again' }).click();
  await mallory.say('I am sorry');
  await bob.sees('I am sorry');
});

test('who is muted reads on, is told why, and writes again when it is lifted', async () => {
  const channel = await stage.channel('mod');
  const mod = await stage.visit('mod', channel.id);
  const eve = await stage.visit('eve', channel.id);
  await eve.say('la la la');
  await mod.sees('la la la');
  await mod.choose('la la la', 'Mute…');
  await mod.page.getByLabel('Reason').fill('Singing');
  await mod.page.getByRole('button', { name: 'Mute', exact: true }).click();
  await eve.page.getByText(/You are muted here until .* Reason: Singing/).waitFor();
  assert.equal(await eve.field.count(), 0);
  await mod.say('Quiet now');
  await eve.sees('Quiet now');
  await mod.page.getByRole('link', { name: 'Moderation' }).click();
  await mod.page.getByRole('link', { name: 'Bans and mutes' }).click();
  await mod.page.getByRole('button', { name: 'Unmute eve' }).click();
  await eve.say('Thank you');
  await eve.sees('Thank you');
});

test('an author deletes a message of his own, and nobody sees what it said', async () => {
  const channel = await stage.channel('ada');
  const ada = await stage.visit('ada', channel.id);
  const bob = await stage.visit('bob', channel.id);
  await bob.say('A slip of the tongue');
  await ada.sees('A slip of the tongue');
  await bob.choose('A slip of the tongue', 'Delete message');
  await bob.page.getByRole('button', { name: 'Delete', exact: true }).click();
  await ada.page.getByText('This message was deleted').waitFor();
  assert.equal(await ada.message('A slip').count(), 0);
});

test('the owner changes the channel, and makes a member moderator, who has the tools at once', async () => {
  const channel = await stage.channel('ada', { name: 'old name' });
  const bob = await stage.visit('bob', channel.id);
  assert.equal(await bob.page.getByRole('link', { name: 'Moderation' }).count(), 0);

  const ada = await stage.visit('ada', channel.id);
  await ada.page.getByRole('button', { name: 'Channel settings' }).click();
  await ada.page.getByRole('textbox', { name: 'Name', exact: true }).fill('new name');
  await ada.page.getByRole('button', { name: 'Save' }).click();
  await bob.page.getByRole('heading', { name: 'new name' }).waitFor();

  await ada.page.getByRole('tab', { name: 'Members' }).click();
  await ada.page.getByRole('button', { name: 'Add a member' }).click();
  await ada.page.getByLabel('Who').fill('bob');
  await ada.page.getByLabel('Role').selectOption('moderator');
  await ada.page.getByRole('button', { name: 'Add', exact: true }).click();
  await bob.page.getByRole('link', { name: 'Moderation' }).waitFor();
});

test("a site admin watches the server on the operator's page", async () => {
  const channel = await stage.channel('ada', { name: 'busy' });
  const reader = await stage.visit('reader', channel.id);
  const admin = await stage.desk.window(stage.url);
  await admin.go();
  await admin.signIn('root', 'admin');
  await admin.page.getByRole('link', { name: "Operator's page" }).click();
  await admin.page.getByRole('row', { name: /busy 1 1/ }).waitFor();
  for (let n = 0; n < 5; n++) await reader.say(`number ${n}`);
  await admin.page.getByRole('img', { name: /^Messages: Messages [\d.]*[1-9]/ }).waitFor();
  await admin.page.getByRole('img', { name: /^Latency: p50 [\d.]+ ms, p95 [\d.]+ ms, p99 [\d.]+ ms/ }).waitFor();
  await admin.page.getByRole('img', { name: /^Connections: Connections 2/ }).waitFor();
});

test('what the rules hold back waits for a moderator, and its author is told what became of it', async () => {
  const channel = await stage.channel('mod', { name: 'careful' });
  const owner = await stage.as('mod');
  const rules = { words: { list: ['casino'], outcome: 'hold' } };
  await owner.patch(`/api/v1/chat/channels/${channel.id}`, { auto_moderation: rules }, { expect: 200 });
  const mod = await stage.visit('mod', channel.id);
  const bob = await stage.visit('bob', channel.id);
  await bob.say('We met at the casino');
  await bob.page.getByText('Waits for a moderator').waitFor();
  await bob.say('Best casino online');
  await bob.page.getByText('Waits for a moderator').nth(1).waitFor();
  await mod.page.getByRole('link', { name: 'Moderation' }).click();
  const met = mod.page.getByRole('listitem').filter({ hasText: 'We met at the casino' });
  await met.getByRole('button', { name: 'Let through' }).click();
  await bob.sees('We met at the casino');
  const best = mod.page.getByRole('listitem').filter({ hasText: 'Best casino online' });
  await best.getByRole('button', { name: 'Turn down' }).click();
  await bob.page.getByText('Not sent. A moderator refused this message.').waitFor();
  await mod.page.getByText('No message waits for review.').waitFor();
});

test('a message is reported, and a moderator decides on it', async () => {
  const channel = await stage.channel('mod', { name: 'reported' });
  const mod = await stage.visit('mod', channel.id);
  const bob = await stage.visit('bob', channel.id);
  const eve = await stage.visit('eve', channel.id);
  await eve.say('You are all fools');
  await bob.sees('You are all fools');
  await bob.choose('You are all fools', 'Report');
  await bob.page.getByLabel('What is wrong with it?').fill('Insults us');
  await bob.page.getByRole('button', { name: 'Report', exact: true }).click();
  await bob.page.getByText('Reported to the moderators.').waitFor();
  await mod.page.getByRole('link', { name: 'Moderation' }).click();
  await mod.page.getByRole('link', { name: 'Reports' }).click();
  await mod.page.getByText('Insults us').waitFor();
  await mod.page.getByRole('button', { name: 'Resolve…' }).click();
  await mod.page.getByLabel('What is to be done').selectOption('Mute its author');
  await mod.page.getByLabel('Note').fill('Be kind');
  await mod.page.getByRole('button', { name: 'Resolve', exact: true }).click();
  await eve.page.getByText(/You are muted here until .* Reason: Be kind/).waitFor();
  await mod.page.getByText('No open reports.').waitFor();
});

test('the shield is raised in a raid, and everybody sees its modes', async () => {
  const channel = await stage.channel('mod', { name: 'raided' });
  const owner = await stage.as('mod');
  const path = `/api/v1/chat/channels/${channel.id}/shield`;
  await owner.put(path, { on: false, profile: { posting: 'staff' } }, { expect: 200 });
  const mod = await stage.visit('mod', channel.id);
  const bob = await stage.visit('bob', channel.id);
  await bob.field.waitFor();
  await mod.page.getByRole('link', { name: 'Moderation' }).click();
  await mod.page.getByRole('switch', { name: 'Shield' }).click();
  await bob.page.getByText('Only moderators write in this channel.').waitFor();
  await mod.page.getByRole('switch', { name: 'Shield', checked: true }).click();
  await bob.field.waitFor();
});
