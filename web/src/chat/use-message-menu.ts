import type { Message } from '@hubbub/protocol/rest.js';
import { useCallback, useState } from 'react';
import type { MenuItem } from '../ui/menu.js';
import { useNotices } from '../ui/notices.js';
import { type Act, useActing } from './acts.js';

interface MessageMenu {
  readonly open: { readonly message: Message; readonly anchor: HTMLElement } | null;
  readonly items: readonly MenuItem[];
  readonly show: (message: Message, anchor: HTMLElement) => void;
  readonly close: () => void;
}

/** What can be done with a message. */
export function useMessageMenu(selfId: string): MessageMenu {
  const [open, setOpen] = useState<MessageMenu['open']>(null);
  const { canModerate, start } = useActing();
  const { notify } = useNotices();
  const show = useCallback(
    (message: Message, anchor: HTMLElement) =>
      setOpen((before) => (before?.message.id === message.id ? null : { message, anchor })),
    [],
  );
  const close = useCallback(() => setOpen(null), []);
  const copy = async (text: string) => {
    try {
      await navigator.clipboard.writeText(text);
      notify('Copied.');
    } catch {
      notify('The browser does not allow copying.');
    }
  };
  const items =
    open === null
      ? []
      : [
          { label: 'Copy text', icon: 'copy', onSelect: () => void copy(open.message.content) } satisfies MenuItem,
          ...actionsFor(open.message, selfId, canModerate, start),
        ];
  return { open, items, show, close };
}

function actionsFor(message: Message, selfId: string, canModerate: boolean, start: (act: Act) => void): MenuItem[] {
  const isOwn = message.user_id === selfId;
  const items: MenuItem[] = [];
  if (!isOwn) items.push({ label: 'Report', icon: 'flag', onSelect: () => start({ kind: 'report', message }) });
  if (canModerate && !isOwn) items.push(...actionsAgainst(message, start));
  if (isOwn || canModerate) {
    items.push({
      label: 'Delete message',
      icon: 'trash',
      isDanger: true,
      startsGroup: true,
      onSelect: () => start({ kind: 'delete', message }),
    });
  }
  return items;
}

/** Mute, time out, ban. */
export function actionsAgainst(person: { user_id: string; username: string }, start: (act: Act) => void): MenuItem[] {
  const item = (kind: 'mute' | 'timeout' | 'ban', label: string, icon: MenuItem['icon']): MenuItem => ({
    label,
    icon,
    startsGroup: kind === 'mute',
    isDanger: kind === 'ban',
    onSelect: () => start({ kind, person }),
  });
  return [item('mute', 'Mute…', 'mute'), item('timeout', 'Time out…', 'clock'), item('ban', 'Ban…', 'ban')];
}
