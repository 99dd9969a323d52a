import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChannelRole, SiteRole } from '@hubbub/protocol/rest.js';
import { ACTIONS, type Action, assertMay, may, type Standing } from './permissions.js';

const ROLES: readonly (ChannelRole | null)[] = [null, 'member', 'moderator', 'admin', 'owner'];
const SITE_ROLES: readonly SiteRole[] = ['user', 'moderator', 'admin'];

function standings(userId: string): Standing[] {
  return SITE_ROLES.flatMap((siteRole) => ROLES.map((role) => ({ userId, role, siteRole })));
}

/*
 * The wire contract once more, in its own words and not in those of the code. Power over people: a site admin stands
 * over everyone, a site moderator counts as an admin of the channel, then owner, admin, moderator, member, nobody.
 */
function power({ role, siteRole }: Standing): number {
  if (siteRole === 'admin') return 9;
  const order: Record<string, number> = { owner: 4, admin: 3, moderator: 2, member: 1 };
  const own = order[role ?? ''] ?? 0;
  return siteRole === 'moderator' && own < 3 ? 3 : own;
}

const CHANNEL_STAFF: readonly unknown[] = ['moderator', 'admin', 'owner'];
const isSiteAdmin = ({ siteRole }: Standing) => siteRole === 'admin';
const runsChannel = (who: Standing) => isSiteAdmin(who) || who.role === 'owner';
const isChannelStaff = (who: Standing) => isSiteAdmin(who) || CHANNEL_STAFF.includes(who.role);
const moderates = (who: Standing) => isChannelStaff(who) || who.siteRole === 'moderator';

const EXPECTED: Record<Action, (actor: Standing, target: Standing | undefined) => boolean> = {
  update_channel: (actor) => runsChannel(actor) || actor.role === 'admin',
  delete_channel: runsChannel,
  set_retention: runsChannel,
  add_member: isChannelStaff,
  add_staff: runsChannel,
  transfer_ownership: runsChannel,
  read_moderation: moderates,
  shield: moderates,
  // The author may have come to be of any rank since he wrote it: the message waits all the same.
  review_message: (actor, target) => moderates(actor) && !isSelf(target, actor),
  change_role: (actor, target) => runsChannel(actor) && isBelow(target, actor),
  // That the owner stays is no matter of the actor's rank: the removal itself sees to it.
  remove_member: (actor, target) => isSelf(target, actor) || (isChannelStaff(actor) && isBelowMember(target, actor)),
  delete_message: (actor, target) => isSelf(target, actor) || (moderates(actor) && isBelow(target, actor)),
  moderate: (actor, target) => moderates(actor) && isBelow(target, actor),
  resolve_report: (actor, target) => moderates(actor) && isBelow(target, actor),
  // Anyone who may read, whoever wrote it but himself.
  report_message: (actor, target) => !isSelf(target, actor),
};

function isSelf(target: Standing | undefined, actor: Standing): boolean {
  return target?.userId === actor.userId;
}

/** Nobody stands below himself. */
function isBelow(target: Standing | undefined, actor: Standing): boolean {
  return target === undefined || (!isSelf(target, actor) && power(target) < power(actor));
}

/** A site moderator has no say over members, only his place in the channel. */
function isBelowMember(target: Standing | undefined, actor: Standing): boolean {
  return isBelow(target, isSiteAdmin(actor) ? actor : { ...actor, siteRole: 'user' });
}

function nameOf(standing: Standing | undefined): string {
  return standing === undefined ? 'nothing' : `${standing.userId} (${standing.role ?? 'none'}, ${standing.siteRole})`;
}

/** What is left to one who is banned: to leave, and to take back what he wrote. */
const LEFT_TO_THE_BANNED: readonly Action[] = ['remove_member', 'delete_message'];

test('who may do what to whom is as the contract has it, for every action and every pair', () => {
  let cases = 0;
  for (const action of ACTIONS) {
    for (const actor of standings('actor').flatMap((each) => [each, { ...each, isBanned: true }])) {
      for (const target of [undefined, actor, ...standings('target')]) {
        const barred = actor.isBanned === true && !isSiteAdmin(actor);
        const expected = barred
          ? isSelf(target, actor) && LEFT_TO_THE_BANNED.includes(action)
          : EXPECTED[action](actor, target);
        const what = `${action} by ${nameOf(actor)}, banned: ${barred}, on ${nameOf(target)}`;
        assert.equal(may(action, actor, target), expected, what);
        if (expected) assertMay(action, actor, target);
        else assert.throws(() => assertMay(action, actor, target), { code: 'FORBIDDEN' }, what);
        cases++;
      }
    }
  }
  assert.equal(cases, ACTIONS.length * 30 * 17);
});

test('nobody moderates himself, his equals or his superiors', () => {
  for (const actor of standings('actor')) {
    assert.equal(may('moderate', actor, actor), false, nameOf(actor));
    for (const target of standings('target')) {
      if (power(target) >= power(actor)) assert.equal(may('moderate', actor, target), false, nameOf(target));
    }
  }
});

test('a refusal says which of the reasons it is', () => {
  const [admin, member] = [
    { userId: 'a', role: 'admin', siteRole: 'user' } as const,
    { userId: 'm', role: 'member', siteRole: 'user' } as const,
  ];
  assert.throws(() => assertMay('moderate', admin, admin), /yourself/);
  assert.throws(() => assertMay('moderate', admin, { ...admin, userId: 'b' }), /equal or higher rank/);
  assert.throws(() => assertMay('moderate', member, admin), /Your role in this channel/);
  assert.throws(() => assertMay('moderate', { ...admin, isBanned: true }, member), /banned/);
});
