/** The page: signs in, lists channels, opens the one that the address names. The one place where parts are joined. */
import type { Channel } from '@hubbub/protocol/rest.js';
import { Account } from './account.js';
import { Api } from './api.js';
import { paintAvatar } from './avatar.js';
import { byId } from './dom.js';
import { Room } from './room.js';
import { Session } from './session.js';
import { canonicalId } from './text.js';
import { verdictOf } from './verdict.js';
import { ChannelsView } from './view-channels.js';
import { CreateView } from './view-create.js';
import { DrawersView } from './view-drawers.js';
import { askForToken } from './view-renew.js';
import { RoomView } from './view-room.js';
import { SignInView } from './view-sign-in.js';

const app = byId('app', HTMLElement);
const signIn = new SignInView(sessionStorage, (session) => enter(session));
const channels = new ChannelsView();
const create = new CreateView((channel) => {
  channels.refresh();
  location.hash = channel.id;
});
const drawers = new DrawersView({ onPeopleShown: () => room?.refreshPeople() });
const roomView = new RoomView({
  onChannelChanged: (channel) => channels.update(channel),
  onEnded: () => drawers.setHasPeople(false),
  onAction: () => {
    if (nextStep === 'create') openCreate();
    else if (nextStep === 'retry') openFromAddress();
    else location.hash = '';
  },
});

let account: Account | null = null;
let api: Api | null = null;
let room: Room | null = null;
/** What the button does that stands where there is no conversation. */
let nextStep: 'create' | 'retry' | 'back' = 'back';
/** Raised with every address, so that a slow answer for an earlier one is left out. */
let openRequest = 0;
/** Texts that were written and not sent, by channel. */
const drafts = new Map<string, string>();

/** The user is known: shows the application. */
function enter(session: Session): void {
  const current = new Account(session, {
    askForToken: () => askForToken(session.userId),
    onSignedOut: () => leave('Your sign-in has ended. Sign in again to go on.'),
  });
  account = current;
  api = new Api({ token: () => session.token, renew: () => current.renew() });
  signIn.hide();
  app.hidden = false;
  paintAvatar(byId('me-avatar', HTMLElement), session.userId, session.name);
  byId('me-name', HTMLElement).textContent = session.name;
  channels.start(api);
  openFromAddress();
}

/** Signs out. @param reason why, if the user did not ask for it */
function leave(reason: string | null): void {
  openRequest += 1;
  leaveRoom();
  account?.session.end();
  account = null;
  api = null;
  drafts.clear();
  channels.stop();
  create.close();
  app.hidden = true;
  signIn.show(reason);
}

function leaveRoom(): void {
  if (room === null) return;
  const { id } = room.channel;
  const texts = [room.close(), roomView.draft].filter((text) => text !== '');
  room = null;
  if (texts.length > 0) drafts.set(id, texts.join('\n'));
  else drafts.delete(id);
}

async function openFromAddress(): Promise<void> {
  if (api === null || account === null) return;
  openRequest += 1;
  const request = openRequest;
  leaveRoom();
  nextStep = 'back';
  drawers.setHasPeople(false);
  const address = location.hash.slice(1);
  const channelId = canonicalId(address);
  channels.setActive(channelId);
  if (channelId === null) {
    nextStep = 'create';
    const title = address === '' ? 'Welcome to Hubbub' : 'The address does not name a channel';
    roomView.showClosed(title, 'Choose a channel from the list, or create one.', 'Create a channel');
    drawers.showSide();
    return;
  }
  try {
    const channel = await api.getChannel(channelId);
    if (request === openRequest) openRoom(channel);
  } catch (error) {
    if (request === openRequest) showProblem(error);
  }
}

function openRoom(channel: Channel): void {
  if (api === null || account === null) return;
  const { session, renewsByItself } = account;
  const current = account;
  const self = { userId: session.userId, name: session.name };
  const opened = new Room({
    channel,
    api,
    self,
    url: `${location.origin.replace(/^http/, 'ws')}/api/v1/chat/channels/${channel.id}/ws`,
    openSocket: (url, protocols) => new WebSocket(url, protocols),
    token: () => session.token,
    renewToken: () => current.renew(),
    renewsByItself,
    onChange: (part) => roomView.changed(part),
    onArrival: (entry) => roomView.arrived(entry),
  });
  room = opened;
  roomView.attach(opened, self, drafts.get(channel.id) ?? '');
  drawers.hideSide();
  drawers.setHasPeople(true);
  opened.open();
}

function openCreate(): void {
  if (api !== null) create.open(api);
}

function showProblem(error: unknown): void {
  const verdict = verdictOf(error);
  // The account has led back to the sign-in already.
  if (verdict.kind === 'new-token') return;
  nextStep = verdict.kind === 'retry' ? 'retry' : 'back';
  const action = nextStep === 'retry' ? 'Try again' : 'Back to the channels';
  roomView.showClosed('The channel cannot be opened', verdict.reason, action);
}

byId('sign-out', HTMLButtonElement).addEventListener('click', () => leave(null));
byId('new-channel', HTMLButtonElement).addEventListener('click', () => openCreate());
// The open channel's link changes no address; on a phone it still means "go there".
byId('channel-list', HTMLElement).addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (link?.getAttribute('aria-current') === 'page' && room !== null) drawers.hideSide();
});
addEventListener('hashchange', () => openFromAddress());
addEventListener('online', () => room?.retryNow());

const restored = Session.restore(sessionStorage);
if (restored === null) signIn.show(null);
else enter(restored);
