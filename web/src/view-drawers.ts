/** The channel list and the list of people: beside the conversation where there is room, else drawers over it. */
import { byId } from './dom.js';

/** As in style.css. */
const NARROW = matchMedia('(max-width: 760px)');
const NO_ROOM_FOR_PEOPLE = matchMedia('(max-width: 1100px)');

export interface DrawersOptions {
  readonly onPeopleShown: () => void;
}

export class DrawersView {
  readonly #side = byId('side', HTMLElement);
  readonly #room = byId('room', HTMLElement);
  readonly #people = byId('people', HTMLElement);
  readonly #scrim = byId('scrim', HTMLElement);
  readonly #openSide = byId('open-side', HTMLButtonElement);
  readonly #toggle = byId('toggle-people', HTMLButtonElement);
  readonly #options: DrawersOptions;
  /** The channel list's drawer is out; means nothing where the list has its own place. */
  #isSideOut = false;
  /** The list of people is wanted. */
  #isPeopleOut = !NO_ROOM_FOR_PEOPLE.matches;
  #hasPeople = false;

  constructor(options: DrawersOptions) {
    this.#options = options;
    this.#openSide.addEventListener('click', () => this.showSide());
    byId('close-side', HTMLButtonElement).addEventListener('click', () => this.hideSide());
    this.#toggle.addEventListener('click', () => this.#setPeople(!this.#isPeopleOut));
    byId('close-people', HTMLButtonElement).addEventListener('click', () => this.#setPeople(false));
    this.#scrim.addEventListener('click', () => this.#hideDrawers());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.#scrim.hidden && document.querySelector('dialog[open]') === null) {
        this.#hideDrawers();
      }
    });
    NARROW.addEventListener('change', () => this.#draw());
    NO_ROOM_FOR_PEOPLE.addEventListener('change', (change) => {
      if (change.matches) this.#isPeopleOut = false;
      this.#draw();
    });
    this.#draw();
  }

  showSide(): void {
    this.#isSideOut = true;
    this.#draw();
    if (NARROW.matches) byId('close-side', HTMLElement).focus();
  }

  hideSide(): void {
    const hadFocus = this.#side.contains(document.activeElement);
    this.#isSideOut = false;
    this.#draw();
    if (hadFocus && NARROW.matches) this.#openSide.focus();
  }

  /** Whether there is a channel whose people can be shown. */
  setHasPeople(hasPeople: boolean): void {
    this.#hasPeople = hasPeople;
    if (NO_ROOM_FOR_PEOPLE.matches) this.#isPeopleOut = false;
    this.#draw();
  }

  #setPeople(isOut: boolean): void {
    const hadFocus = this.#people.contains(document.activeElement);
    this.#isPeopleOut = isOut;
    this.#draw();
    if (isOut) this.#options.onPeopleShown();
    if (isOut && NO_ROOM_FOR_PEOPLE.matches) byId('close-people', HTMLElement).focus();
    if (!isOut && hadFocus) this.#toggle.focus();
  }

  #hideDrawers(): void {
    if (this.#isSideOut) this.hideSide();
    else this.#setPeople(false);
  }

  #draw(): void {
    const isSideOver = NARROW.matches && this.#isSideOut;
    const isPeopleShown = this.#hasPeople && this.#isPeopleOut;
    const isPeopleOver = NO_ROOM_FOR_PEOPLE.matches && isPeopleShown;
    this.#side.classList.toggle('is-out', isSideOver);
    // Out of sight is out of reach of the Tab key too.
    this.#side.inert = NARROW.matches && !this.#isSideOut;
    this.#room.inert = isSideOver || isPeopleOver;
    this.#people.hidden = !isPeopleShown;
    this.#toggle.hidden = !this.#hasPeople;
    this.#toggle.setAttribute('aria-expanded', String(isPeopleShown));
    this.#openSide.setAttribute('aria-expanded', String(isSideOver));
    this.#scrim.hidden = !isSideOver && !isPeopleOver;
  }
}
