import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { type Act, ActingContext } from '../chat/acts.js';
import type { Role } from '../chat/use-role.js';
import { DeleteDialog } from './delete-dialog.js';
import { ReportDialog } from './report-dialog.js';
import { RestrictDialog } from './restrict-dialog.js';

interface ActsProviderProps {
  readonly channelId: string;
  readonly role: Role;
  readonly children: ReactNode;
}

/** Gives the parts of a channel what can be done there, and shows the dialogs for it. */
export function ActsProvider({ channelId, role, children }: ActsProviderProps) {
  const [act, setAct] = useState<Act | null>(null);
  const { canModerate, canManage } = role;
  const close = useCallback(() => setAct(null), []);
  const acting = useMemo(() => ({ canModerate, canManage, start: setAct }), [canModerate, canManage]);
  return (
    <ActingContext value={acting}>
      {children}
      {act !== null && <ActDialog act={act} channelId={channelId} onClose={close} />}
    </ActingContext>
  );
}

interface ActDialogProps {
  readonly act: Act;
  readonly channelId: string;
  readonly onClose: () => void;
}

function ActDialog({ act, channelId, onClose }: ActDialogProps) {
  switch (act.kind) {
    case 'delete':
      return <DeleteDialog message={act.message} onClose={onClose} />;
    case 'report':
      return <ReportDialog message={act.message} onClose={onClose} />;
    default:
      return <RestrictDialog kind={act.kind} person={act.person} channelId={channelId} onClose={onClose} />;
  }
}
