import { useCallback, useRef, useState } from 'react';
import { Icon, type IconName } from './icon.js';
import { Menu, type MenuItem } from './menu.js';

interface MenuButtonProps {
  readonly label: string;
  readonly icon: IconName;
  /** Asked for when it is opened. */
  readonly items: () => readonly MenuItem[];
}

/** A button with a menu. */
export function MenuButton({ label, icon, items }: MenuButtonProps) {
  const button = useRef<HTMLButtonElement>(null);
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const close = useCallback(() => setAnchor(null), []);
  return (
    <>
      <button
        className="icon-button"
        type="button"
        ref={button}
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={() => setAnchor(anchor === null ? button.current : null)}
      >
        <Icon name={icon} />
      </button>
      {anchor !== null && <Menu label={label} items={items()} anchor={anchor} onClose={close} />}
    </>
  );
}
