import { type KeyboardEvent, useEffect, useLayoutEffect, useRef } from 'react';
import { Icon, type IconName } from './icon.js';

export interface MenuItem {
  readonly label: string;
  readonly icon: IconName;
  readonly isDanger?: boolean;
  /** Given: one of several, of which one is on. */
  readonly isChecked?: boolean;
  /** A line before it. */
  readonly startsGroup?: boolean;
  readonly onSelect: () => void;
}

interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  /** What it belongs to: it stands beside it. */
  readonly anchor: HTMLElement;
  /** Where the focus goes afterwards. Default: back to the anchor. */
  readonly returnTo?: HTMLElement | null;
  readonly onClose: () => void;
}

const MARGIN_PX = 8;

/** A menu over everything else, used by arrows, Home, End, first letters, Enter and Escape. */
export function Menu({ label, items, anchor, returnTo = null, onClose }: MenuProps) {
  const menu = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = menu.current;
    if (element === null) return;
    element.showPopover();
    const at = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = element;
    const below = at.bottom + 4;
    const top = below + height + MARGIN_PX > innerHeight ? Math.max(MARGIN_PX, at.top - height - 4) : below;
    element.style.top = `${top}px`;
    element.style.left = `${Math.max(MARGIN_PX, Math.min(at.right - width, innerWidth - width - MARGIN_PX))}px`;
    element.querySelector('button')?.focus();
  }, [anchor]);

  useEffect(() => {
    const closeOutside = (event: PointerEvent) => {
      const path = event.composedPath();
      if (menu.current !== null && !path.includes(menu.current) && !path.includes(anchor)) onClose();
    };
    addEventListener('pointerdown', closeOutside, true);
    addEventListener('resize', onClose);
    return () => {
      removeEventListener('pointerdown', closeOutside, true);
      removeEventListener('resize', onClose);
    };
  }, [anchor, onClose]);

  const close = () => {
    onClose();
    (returnTo ?? anchor).focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...(menu.current?.querySelectorAll('button') ?? [])];
    const at = buttons.indexOf(event.target as HTMLButtonElement);
    const target = nextItem(event.key, at, buttons.length) ?? byLetter(event.key, at, items);
    if (target !== null) buttons[target]?.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') onClose();
    else return;
    if (event.key !== 'Tab') event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className="menu" role="menu" aria-label={label} popover="manual" ref={menu} onKeyDown={onKeyDown}>
      {items.map((item) => (
        <div key={item.label} role="none">
          {item.startsGroup === true && <hr className="menu-line" />}
          {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: where it is checked its role is menuitemradio */}
          <button
            className={item.isDanger === true ? 'menu-item menu-item-danger' : 'menu-item'}
            type="button"
            role={item.isChecked === undefined ? 'menuitem' : 'menuitemradio'}
            aria-checked={item.isChecked}
            tabIndex={-1}
            onClick={() => {
              close();
              item.onSelect();
            }}
          >
            <Icon name={item.icon} />
            {item.label}
            {item.isChecked === true && (
              <span className="menu-check">
                <Icon name="check" />
              </span>
            )}
          </button>
        </div>
      ))}
    </div>
  );
}

function nextItem(key: string, at: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return (at + 1) % count;
    case 'ArrowUp':
      return (at - 1 + count) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/** The next item that begins with the letter. */
function byLetter(key: string, at: number, items: readonly MenuItem[]): number | null {
  if (key.length !== 1 || key === ' ') return null;
  for (let step = 1; step <= items.length; step++) {
    const index = (at + step) % items.length;
    if (items[index]?.label.toLowerCase().startsWith(key.toLowerCase())) return index;
  }
  return null;
}
