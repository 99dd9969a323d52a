/** The conversation: joins the views of one open channel with the room that they show. */
import type { Channel } from '@hubbub/protocol/rest.js';
import { byId, showText } from './dom.js';
import type { Part, Room } from './room.js';
import type { Entry } from './timeline.js';
import { typingSentence } from './typing.js';
import { BannerView } from './view-banner.js';
import { ComposerView } from './view-composer.js';
import { MessagesView } from './view-messages.js';
import { PeopleView } from './view-people.js';

export interface RoomViewOptions {
  /** The channel was changed by someone. */
  readonly onChannelChanged: (channel: Channel) => void;
  /** The conversation has ended while it was open. */
  readonly onEnded: () => void;
  /** The button of the page that stands in place of a conversation. */
  readonly onAction: () => void;
}

export class RoomView {
  readonly #head = byId('room-head', HTMLElement);
  readonly #name = byId('room-name', HTMLElement);
  readonly #description = byId('room-description', HTMLElement);
  readonly #talk = byId('talk', HTMLElement);
  readonly #foot = byId('foot', HTMLElement);
  readonly #notice = byId('notice', HTMLElement);
  readonly #noticeText = byId('notice-text', HTMLElement);
  readonly #typing = byId('typing', HTMLElement);
  readonly #closed = byId('closed', HTMLElement);
  readonly #closedTitle = byId('closed-title', HTMLElement);
  readonly #closedText = byId('closed-text', HTMLElement);
  readonly #closedAction = byId('closed-action', HTMLButtonElement);
  readonly #announcer = byId('announcer', HTMLElement);
  readonly #banner = new BannerView(() => this.#room?.retryNow());
  readonly #messages = new MessagesView();
  readonly #people = new PeopleView();
  readonly #composer: ComposerView;
  readonly #options: RoomViewOptions;
  #room: Room | null = null;
  #selfId = '';
  #unread = 0;

  constructor(options: RoomViewOptions) {
    this.#options = options;
    this.#composer = new ComposerView({
      onSay: (text) => this.#say(text),
      onKey: () => this.#room?.keyStruck(),
      onResized: () => this.#messages.keepEnd(),
    });
    byId('dismiss-notice', HTMLButtonElement).addEventListener('click', () => this.#room?.dismissNotice());
    this.#closedAction.addEventListener('click', () => this.#options.onAction());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible') return;
      this.#unread = 0;
      this.#drawTitle();
    });
  }

  /** Text in the composer that was not sent. */
  get draft(): string {
    return this.#composer.text;
  }

  /** @param draft text for the composer */
  attach(room: Room, self: { readonly userId: string; readonly name: string }, draft: string): void {
    this.#room = room;
    this.#selfId = self.userId;
    this.#unread = 0;
    this.#head.classList.remove('is-bare');
    this.#closed.hidden = true;
    this.#talk.hidden = false;
    this.#foot.hidden = false;
    this.#messages.attach(room, {
      self,
      actions: {
        retry: (id) => room.sender.retry(id),
        discard: (id) => room.sender.discard(id),
        edit: (id) => this.#edit(room.sender.discard(id)),
        remove: (id, content) => this.#confirmDelete(room, id, content),
      },
    });
    for (const part of ['channel', 'people', 'typing', 'state', 'notice'] as const) this.changed(part);
    this.#composer.text = draft;
    this.#composer.focus();
  }

  /** Shows a page in place of a conversation. */
  showClosed(title: string, text: string, action: string): void {
    this.#detach();
    this.#head.classList.add('is-bare');
    this.#name.textContent = '';
    this.#description.textContent = '';
    document.title = 'Hubbub';
    this.#showEnd(title, text, action);
  }

  /** Part of the attached room has changed. */
  changed(part: Part): void {
    const room = this.#room;
    if (room === null) return;
    switch (part) {
      case 'messages':
        this.#messages.changed();
        return;
      case 'people':
        this.#people.draw(room.presence, this.#selfId);
        return;
      case 'typing':
        this.#typing.textContent = typingSentence(room.typists.names(Date.now()));
        return;
      case 'channel':
        this.#drawChannel(room.channel);
        return;
      case 'notice':
        showText(this.#noticeText, room.notice?.text ?? null);
        this.#notice.classList.toggle('note-error', room.notice?.kind === 'error');
        this.#notice.hidden = room.notice === null;
        return;
      case 'state':
        this.#drawState(room);
        return;
    }
  }

  /** Someone else's message came, live. */
  arrived(entry: Entry): void {
    this.#messages.arrived();
    this.#announcer.textContent = `${entry.name}: ${entry.content}`;
    if (document.visibilityState === 'visible') return;
    this.#unread += 1;
    this.#drawTitle();
  }

  #detach(): void {
    this.#room = null;
    this.#messages.detach();
    this.#banner.hide();
    this.#talk.hidden = true;
    this.#foot.hidden = true;
  }

  #drawChannel(channel: Channel): void {
    this.#name.textContent = channel.name;
    this.#description.textContent = channel.description ?? '';
    this.#composer.setChannelName(channel.name);
    this.#drawTitle();
    this.#options.onChannelChanged(channel);
  }

  #drawTitle(): void {
    if (this.#room === null) return;
    const unread = this.#unread > 0 ? `(${this.#unread}) ` : '';
    document.title = `${unread}${this.#room.channel.name} - Hubbub`;
  }

  #drawState(room: Room): void {
    const { state } = room;
    this.#banner.draw(state);
    this.#composer.setMute(room.mute);
    this.#composer.setPause(room.pausedUntilMs);
    if (state.kind !== 'ended') return;
    // The messages stay to be read; nothing more can be written.
    const hasBegun = room.history.entries.length > 0;
    this.#talk.hidden = !hasBegun;
    this.#foot.hidden = true;
    this.#options.onEnded();
    const title = hasBegun ? 'The conversation has ended' : 'The channel cannot be opened';
    this.#showEnd(title, state.reason, 'Back to the channels');
  }

  #showEnd(title: string, text: string, action: string): void {
    this.#closedTitle.textContent = title;
    this.#closedText.textContent = text;
    this.#closedAction.textContent = action;
    this.#closed.hidden = false;
    this.#closed.classList.toggle('is-below', !this.#talk.hidden);
    this.#closedTitle.focus();
  }

  #say(text: string): boolean {
    const isTaken = this.#room?.say(text) ?? false;
    if (isTaken) this.#messages.goToEnd();
    return isTaken;
  }

  #edit(text: string): void {
    const present = this.#composer.text;
    this.#composer.text = present === '' ? text : `${text}\n${present}`;
    this.#composer.focus();
  }

  #confirmDelete(room: Room, messageId: string, content: string): void {
    const dialog = byId('delete-dialog', HTMLDialogElement);
    byId('delete-text', HTMLElement).textContent = content;
    dialog.returnValue = '';
    const decided = () => {
      if (dialog.returnValue === 'delete') room.deleteMessage(messageId);
    };
    dialog.addEventListener('close', decided, { once: true });
    dialog.showModal();
  }
}
