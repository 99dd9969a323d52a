/** The message list: draws what changed, stays where the reader is, and asks for older messages on scrolling up. */
import { byId, showText } from './dom.js';
import type { Room } from './room.js';
import { type Row, signatureOf, toRows } from './rows.js';
import { type MessageActions, renderRow } from './view-message.js';

/** Nearer to the end than this counts as reading the newest messages, in pixels. */
const NEAR_END_PX = 60;
/** Nearer to the beginning than this, the page before is read, in pixels. */
const NEAR_BEGIN_PX = 500;

export interface MessagesOptions {
  readonly self: { readonly userId: string; readonly name: string };
  readonly actions: MessageActions;
}

export class MessagesView {
  readonly #scroller = byId('scroller', HTMLElement);
  readonly #list = byId('messages', HTMLOListElement);
  readonly #older = byId('older', HTMLElement);
  readonly #olderText = byId('older-text', HTMLElement);
  readonly #olderRetry = byId('older-retry', HTMLButtonElement);
  readonly #empty = byId('empty', HTMLElement);
  readonly #jump = byId('jump', HTMLButtonElement);
  readonly #jumpText = byId('jump-text', HTMLElement);
  readonly #items = new Map<string, { element: HTMLElement; signature: string }>();
  #room: Room | null = null;
  #options: MessagesOptions | null = null;
  /** Whether the list follows its end. */
  #isAtEnd = true;
  #arrivals = 0;
  #frame = 0;

  constructor() {
    // Not every browser lets the keyboard scroll an area without this.
    this.#scroller.tabIndex = 0;
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#jump.addEventListener('click', () => this.goToEnd());
    this.#olderRetry.addEventListener('click', () => this.#room?.history.loadOlder());
    // The keyboard of a phone, a growing composer or a banner take height from the list.
    new ResizeObserver(() => this.keepEnd()).observe(this.#scroller);
  }

  attach(room: Room, options: MessagesOptions): void {
    this.#room = room;
    this.#options = options;
    this.#items.clear();
    this.#list.replaceChildren();
    this.#isAtEnd = true;
    this.#arrivals = 0;
    this.changed();
  }

  detach(): void {
    this.#room = null;
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** Draws at the next frame of the screen, once however much changes until then. */
  changed(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Someone else's message came. */
  arrived(): void {
    if (!this.#isAtEnd) this.#arrivals += 1;
    this.changed();
  }

  /**
   * The list may have another height now: goes back to its end if it was there. At once, because the browser moves
   * the list too while things are measured, and that must not count as the reader's scrolling.
   */
  keepEnd(): void {
    if (this.#isAtEnd) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  goToEnd(): void {
    this.#isAtEnd = true;
    this.#arrivals = 0;
    this.changed();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    if (this.#isAtEnd) this.#arrivals = 0;
    this.#drawJump();
    this.#loadIfNeeded();
  }

  #loadIfNeeded(): void {
    const history = this.#room?.history;
    // After a failure the user says when to try again.
    if (history === undefined || history.problem !== null) return;
    if (this.#scroller.scrollTop < NEAR_BEGIN_PX) history.loadOlder();
  }

  #draw(): void {
    const room = this.#room;
    if (room === null || this.#options === null) return;
    room.history.trim(this.#isAtEnd);
    const anchor = this.#isAtEnd ? null : this.#firstVisible();
    const anchorTop = anchor?.getBoundingClientRect().top ?? 0;
    this.#drawRows(toRows(room.history.entries, room.sender.drafts, this.#options.self, Date.now()));
    this.#drawOlder(room);
    if (anchor === null) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    else if (anchor.isConnected) this.#scroller.scrollTop += anchor.getBoundingClientRect().top - anchorTop;
    this.#drawJump();
    this.#loadIfNeeded();
  }

  /** Brings the list into the state of `rows`, and touches only what differs. */
  #drawRows(rows: Row[]): void {
    const actions = this.#options?.actions;
    if (actions === undefined) return;
    const keys = new Set(rows.map(({ key }) => key));
    for (const [key, { element }] of this.#items) {
      if (keys.has(key)) continue;
      element.remove();
      this.#items.delete(key);
    }
    let next = this.#list.firstElementChild;
    for (const row of rows) {
      const signature = signatureOf(row);
      const shown = this.#items.get(row.key);
      let element = shown?.element;
      if (element === undefined || shown?.signature !== signature) {
        const fresh = renderRow(row, actions);
        if (element !== undefined) {
          if (next === element) next = fresh;
          element.replaceWith(fresh);
        }
        element = fresh;
        this.#items.set(row.key, { element, signature });
      }
      if (element === next) next = next.nextElementSibling;
      else this.#list.insertBefore(element, next);
    }
  }

  #drawOlder(room: Room): void {
    const { isLoading, hasOlder, problem, isEmpty } = room.history;
    const beginning = room.history.entries.length > 0 ? 'This is the beginning of the channel.' : null;
    const text = problem === null ? (hasOlder || isLoading ? 'Loading older messages…' : beginning) : problem;
    showText(this.#olderText, text);
    this.#older.hidden = text === null;
    this.#older.classList.toggle('is-beginning', text === beginning);
    this.#olderRetry.hidden = problem === null;
    this.#empty.hidden = !isEmpty || room.sender.drafts.length > 0;
  }

  #drawJump(): void {
    this.#jump.hidden = this.#isAtEnd;
    const count = this.#arrivals;
    showText(this.#jumpText, count === 0 ? 'Newest' : count === 1 ? '1 new message' : `${count} new messages`);
  }

  /** The first message whose end can be seen: what the reader looks at must stay where it is. */
  #firstVisible(): HTMLElement | null {
    const top = this.#scroller.getBoundingClientRect().top;
    const elements = [...this.#list.querySelectorAll<HTMLElement>(':scope > .message')];
    let low = 0;
    let high = elements.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((elements[middle]?.getBoundingClientRect().bottom ?? 0) <= top) low = middle + 1;
      else high = middle;
    }
    return elements[low] ?? null;
  }
}
