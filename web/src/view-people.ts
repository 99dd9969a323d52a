/** Who is online in the open channel. */
import { paintAvatar } from './avatar.js';
import { byId, h, showText } from './dom.js';
import type { Presence } from './presence.js';

/** Most names shown; the list of a huge channel helps nobody. */
const MAX_SHOWN = 200;

export class PeopleView {
  readonly #count = byId('online-count', HTMLElement);
  readonly #list = byId('people-list', HTMLUListElement);
  readonly #note = byId('people-note', HTMLElement);

  draw(presence: Presence, selfId: string): void {
    this.#count.textContent = String(presence.count);
    const people = presence.people(selfId);
    const shown = people.slice(0, MAX_SHOWN);
    this.#list.replaceChildren(
      ...shown.map(({ userId, name }) => {
        const avatar = h('span');
        paintAvatar(avatar, userId, name);
        const item = h('li', { class: 'person' }, avatar, h('bdi', {}, name));
        if (userId === selfId) item.append(h('span', { class: 'you' }, 'you'));
        return item;
      }),
    );
    const others = presence.count - shown.length;
    showText(this.#note, others > 0 && shown.length > 0 ? `and ${others} more` : null);
  }
}
