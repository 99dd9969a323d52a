import type { Channel, OnlineSnapshot } from '@hubbub/client';
import type { GivenRole, Member } from '@hubbub/protocol/moderation.js';
import { useEffect, useState } from 'react';
import { useSession } from '../session/session-context.js';
import { Avatar } from '../ui/avatar.js';
import { Icon } from '../ui/icon.js';
import type { MenuItem } from '../ui/menu.js';
import { MenuButton } from '../ui/menu-button.js';
import { useNotices } from '../ui/notices.js';
import { wordsFor } from '../ui/words.js';
import { useActing } from './acts.js';
import { AddMember } from './add-member.js';
import { actionsAgainst } from './use-message-menu.js';
import { GIVEN_ROLES, type Role } from './use-role.js';

const PAGE = 100;

interface MembersProps {
  readonly channel: Channel;
  readonly role: Role;
  readonly online: OnlineSnapshot;
}

/** The members of a channel, and what may be done with them. */
export function Members({ channel, role, online }: MembersProps) {
  const { client, moderation, self } = useSession();
  const { start } = useActing();
  const { notify } = useNotices();
  const [members, setMembers] = useState<readonly Member[]>([]);
  const [total, setTotal] = useState(0);
  const [limit, setLimit] = useState(PAGE);
  const [turn, setTurn] = useState(0);
  const [problem, setProblem] = useState('');
  const [isAdding, setAdding] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` is there to do it again
  useEffect(() => {
    const abort = new AbortController();
    const { signal } = abort;
    const load = async () => {
      const found: Member[] = [];
      while (found.length < limit) {
        const page = await client.rest.listMembers(channel.id, { limit: PAGE, offset: found.length, signal });
        found.push(...page.members);
        setTotal(page.total);
        if (page.members.length < PAGE) break;
      }
      setMembers(found);
      setProblem('');
    };
    load().catch((error: unknown) => {
      if (!signal.aborted) setProblem(wordsFor(error));
    });
    return () => abort.abort();
  }, [client, channel, limit, turn]);

  const change = async (work: Promise<unknown>, done: string) => {
    try {
      await work;
      notify(done);
      setTurn((before) => before + 1);
    } catch (error) {
      notify(wordsFor(error));
    }
  };
  const roleItem = (member: Member, given: GivenRole): MenuItem => ({
    label: given.charAt(0).toUpperCase() + given.slice(1),
    icon: given === 'member' ? 'user' : 'shield',
    isChecked: member.role === given,
    onSelect: () =>
      void change(moderation.changeRole(channel.id, member.user_id, given), `${member.username} is now ${given}.`),
  });
  const itemsFor = (member: Member): MenuItem[] => [
    ...(role.isOwner && member.role !== 'owner' ? GIVEN_ROLES.map((given) => roleItem(member, given)) : []),
    ...(role.canModerate ? actionsAgainst(member, start) : []),
    {
      label: 'Remove from the channel',
      icon: 'leave',
      isDanger: true,
      onSelect: () =>
        void change(moderation.removeMember(channel.id, member.user_id), `${member.username} was removed.`),
    },
  ];

  return (
    <>
      {role.canManage && (
        <button className="button button-quiet button-wide people-add" type="button" onClick={() => setAdding(true)}>
          <Icon name="plus" /> Add a member
        </button>
      )}
      <p className="problem" role="alert">
        {problem}
      </p>
      <ul>
        {members.map((member) => (
          <li className="person" key={member.user_id}>
            <Avatar userId={member.user_id} name={member.username} url={member.avatar_url} isSmall />
            <bdi className="person-name">{member.display_name ?? member.username}</bdi>
            {member.role !== 'member' && <span className="badge">{member.role}</span>}
            {(role.canManage || role.canModerate) && member.user_id !== self.id && member.role !== 'owner' && (
              <MenuButton label={`Actions for ${member.username}`} icon="more" items={() => itemsFor(member)} />
            )}
          </li>
        ))}
      </ul>
      {total > members.length && members.length > 0 && (
        <button className="button button-quiet button-wide" type="button" onClick={() => setLimit(limit + PAGE)}>
          Show more
        </button>
      )}
      {isAdding && (
        <AddMember
          channel={channel}
          candidates={online.users.filter(({ user_id: id }) => !members.some((member) => member.user_id === id))}
          mayAddStaff={role.isOwner}
          onClose={() => setAdding(false)}
          onAdded={() => {
            setAdding(false);
            setTurn((before) => before + 1);
          }}
        />
      )}
    </>
  );
}
