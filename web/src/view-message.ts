/** One row of the message list -> its element. */
import { paintAvatar } from './avatar.js';
import { h, icon } from './dom.js';
import { splitLinks } from './links.js';
import type { Draft } from './outbox.js';
import type { Row } from './rows.js';
import { clockTime, fullTime } from './time.js';

/** What the user can do with an own message. */
export interface MessageActions {
  readonly retry: (messageId: string) => void;
  /** Gives the message up. */
  readonly discard: (messageId: string) => void;
  /** Gives the message up and puts its text back into the composer. */
  readonly edit: (messageId: string) => void;
  readonly remove: (messageId: string, content: string) => void;
}

type MessageRow = Extract<Row, { kind: 'message' }>;

export function renderRow(row: Row, actions: MessageActions): HTMLElement {
  if (row.kind === 'day') return h('li', { class: 'day' }, h('span', {}, row.label));
  const classes = ['message'];
  if (row.isFirst) classes.push('is-first');
  if (row.isOwn) classes.push('is-own');
  if (row.draft !== null) classes.push(`is-${row.draft.state}`);
  const item = h('li', { class: classes.join(' ') }, gutter(row), body(row));
  if (row.isOwn && !row.isDeleted && row.draft === null) item.append(tools(row, actions));
  if (row.draft !== null) item.append(draftLine(row.draft, actions));
  return item;
}

/** Left of the text: the author's sign, or the time where he is the same as above. */
function gutter(row: MessageRow): HTMLElement {
  const place = h('div', { class: 'gutter' });
  if (row.isFirst) {
    const avatar = h('span');
    paintAvatar(avatar, row.userId, row.name);
    place.append(avatar);
  } else {
    place.append(time(row.atMs, 'side-time'));
  }
  return place;
}

function body(row: MessageRow): HTMLElement {
  const place = h('div', { class: 'message-body' });
  const author = h('bdi', { class: 'author' }, row.name);
  if (row.isFirst) {
    const head = h('p', { class: 'message-head' }, author);
    if (row.isOwn) head.append(h('span', { class: 'you' }, 'you'));
    head.append(time(row.atMs, 'head-time'));
    place.append(head);
  } else {
    place.append(h('span', { class: 'visually-hidden' }, author, ': '));
  }
  place.append(row.isDeleted ? h('p', { class: 'tombstone' }, 'This message was deleted') : text(row.content));
  return place;
}

function text(content: string): HTMLElement {
  const place = h('p', { class: 'message-text', dir: 'auto' });
  for (const piece of splitLinks(content)) {
    if (piece.href === undefined) place.append(piece.text);
    else place.append(h('a', { href: piece.href, rel: 'noopener noreferrer', target: '_blank' }, piece.text));
  }
  return place;
}

function time(atMs: number, className: string): HTMLElement {
  return h(
    'time',
    { class: className, datetime: new Date(atMs).toISOString(), title: fullTime(atMs) },
    clockTime(atMs),
  );
}

function tools(row: MessageRow, actions: MessageActions): HTMLElement {
  const label = 'Delete this message';
  const remove = h('button', {
    class: 'icon-button icon-button-small',
    type: 'button',
    'aria-label': label,
    title: label,
  });
  remove.append(icon('trash', 'icon icon-small'));
  remove.addEventListener('click', () => actions.remove(row.key, row.content));
  return h('div', { class: 'tools' }, remove);
}

function draftLine(draft: Draft, actions: MessageActions): HTMLElement {
  if (draft.state !== 'failed') {
    const state = draft.state === 'sending' ? 'Sending…' : 'Waiting for the connection…';
    return h('p', { class: 'draft-line' }, state);
  }
  const line = h('p', { class: 'draft-line draft-failed' }, h('span', {}, `Not sent. ${draft.problem}`));
  if (draft.canRetry) line.append(link('Try again', () => actions.retry(draft.id)));
  line.append(link('Edit', () => actions.edit(draft.id)));
  line.append(link('Discard', () => actions.discard(draft.id)));
  return line;
}

function link(label: string, act: () => void): HTMLElement {
  const button = h('button', { class: 'text-button', type: 'button' }, label);
  button.addEventListener('click', act);
  return button;
}
