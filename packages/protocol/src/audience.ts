/** Who of those connected here an audience means. Reads the audience and the lookup; decides nothing of its own. */
import type { DeliveredEvent, Lookup, SpaceId, UserId } from '@switchboard/core';
import type { Connection, Viewer } from './connection.ts';

/** Everybody connected here as one user, by adapter slot. */
export interface LocalUser {
  readonly userId: UserId;
  /** Slot of the adapter → its connections of this user. */
  readonly slots: (Connection[] | undefined)[];
  count: number;
  /** Generation of the last gathering that took this user: the parts of an audience overlap. */
  mark: number;
}

/** Slot of the adapter → connections. */
export type Gathered = readonly (readonly Connection[] | undefined)[];

export function createGatherer(users: ReadonlyMap<UserId, LocalUser>, lookup: Lookup) {
  let generation = 0;
  let gathered: (Connection[] | undefined)[] = [];

  /** Whoever is not among those who may see the event, on wires that tell no more than a notice. */
  function takeForNotice(user: LocalUser | undefined): void {
    if (!user || user.mark === generation) return;
    user.mark = generation;
    for (let slot = 0; slot < user.slots.length; slot += 1) {
      for (const connection of user.slots[slot] ?? []) {
        if (!connection.kind.takesNotices) continue;
        const list = gathered[slot];
        if (list) list.push(connection);
        else gathered[slot] = [connection];
      }
    }
  }

  function take(user: LocalUser | undefined, namespace: string | null): void {
    if (!user || user.mark === generation) return;
    user.mark = generation;
    for (let slot = 0; slot < user.slots.length; slot += 1) {
      const connections = user.slots[slot];
      if (!connections) continue;
      let list = gathered[slot];
      if (!list) {
        list = [];
        gathered[slot] = list;
      }
      for (const connection of connections) {
        if (namespace === null || connection.viewer?.namespace === namespace) list.push(connection);
      }
    }
  }

  return {
    /** The connections that may see the event now. Costs as much as the smaller of the audience and the users here. */
    gather(delivered: DeliveredEvent): Gathered {
      const { audience } = delivered;
      const { participants, namespace } = audience;
      generation += 1;
      gathered = [];
      if (participants) {
        if (participants.size <= users.size) {
          for (const userId of participants) take(users.get(userId), namespace);
        } else {
          for (const user of users.values()) if (participants.has(user.userId)) take(user, namespace);
        }
      }
      for (const spaceId of [audience.staffOf, audience.membersOf]) {
        if (spaceId === null) continue;
        const members = lookup.space(spaceId)?.members;
        if (!members) continue;
        for (const member of members.values()) {
          if (member.leftAt !== null || (spaceId === audience.staffOf && !isStaffRole(member.role))) continue;
          take(users.get(member.userId), namespace);
        }
      }
      for (const userId of audience.users) take(users.get(userId), namespace);
      const told = audience.noticeTo === null ? undefined : lookup.space(audience.noticeTo)?.members;
      for (const member of told?.values() ?? []) if (member.leftAt === null) takeForNotice(users.get(member.userId));
      return gathered;
    },
  };
}

/** Whether one viewer is in an audience: for streams that are read back, one reader at a time. */
export function isInAudience(delivered: DeliveredEvent, viewer: Viewer, lookup: Lookup): boolean {
  const { audience } = delivered;
  const { userId } = viewer;
  if (audience.namespace !== null && audience.namespace !== viewer.namespace) return false;
  if (audience.users.includes(userId)) return true;
  if (audience.participants?.has(userId)) return true;
  if (audience.staffOf !== null && isMember(lookup, audience.staffOf, userId, true)) return true;
  return audience.membersOf !== null && isMember(lookup, audience.membersOf, userId, false);
}

function isMember(lookup: Lookup, spaceId: SpaceId, userId: UserId, asStaff: boolean): boolean {
  const member = lookup.space(spaceId)?.members.get(userId);
  return member !== undefined && member.leftAt === null && (!asStaff || isStaffRole(member.role));
}

/** A queue's staff: who works there, and who runs it. */
function isStaffRole(role: string): boolean {
  return role === 'staff' || role === 'admin';
}
