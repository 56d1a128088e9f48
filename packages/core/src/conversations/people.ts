/**
 * Bringing people into conversations and taking them out, with all that follows from it: membership of the workspace, the pair's key,
 * the customer's place, the owner's heir, the end of what nobody is left in. Judges no rights; a fixed number of statements for any
 * number of people.
 */
import { DomainError } from '../errors.ts';
import type { ConversationId, SpaceId, UserId } from '../ids.ts';
import type { Conversation, Participant, ParticipantRole, ParticipantSide } from '../model/conversation.ts';
import type { SpaceRole } from '../model/space.ts';
import type { JsonObject } from '../model/user.ts';
import type { Joining, Leaving, Left } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';
import { tellMember } from '../spaces/entries.ts';
import { type How, tellChanged, tellDeleted, tellJoined, tellLeft, tellUpdated } from './entries.ts';
import { endCallsOf, leaveCallsOf } from './live-calls.ts';
import { fresh } from './rights.ts';

export interface Newcomer {
  readonly userId: UserId;
  readonly role?: ParticipantRole;
  readonly side?: ParticipantSide;
  readonly groups?: readonly string[];
}

export interface BroughtIn {
  readonly conversation: Conversation;
  /** Of all newcomers, whether they joined now or were in already. */
  readonly participants: readonly Participant[];
  /** Who joined now, or is present again. */
  readonly joined: readonly Participant[];
}

/** Passes over whoever is in already. `limit`: most participants afterwards, null = any number. */
export async function bringIn(
  tx: Tx,
  conversation: Conversation,
  { newcomers, how, limit }: { newcomers: readonly Newcomer[]; how: How; limit: number | null },
): Promise<BroughtIn> {
  const { id } = conversation;
  const wanted = [...new Map(newcomers.map((newcomer) => [newcomer.userId, newcomer])).values()];
  const known = await tx.conversations.participants(
    id,
    wanted.map(({ userId }) => userId),
  );
  const byUser = new Map(known.map((participant) => [participant.userId, participant]));
  const absent = wanted.filter(({ userId }) => !byUser.get(userId)?.active);
  const absentIds = absent.map(({ userId }) => userId);
  const joined: Participant[] = [];
  let current = conversation;

  if (absent.length > 0) {
    await requireUsers(tx, absentIds);
    if (limit !== null) await requireRoom(tx, id, { more: absent.length, limit });
    await makeGuests(tx, conversation.spaceId, absentIds);
    const customerId = conversation.customerId ?? absent.find(({ side }) => side === 'customer')?.userId ?? null;
    if (conversation.kind === 'support' && customerId !== conversation.customerId) {
      current = await tx.conversations.update(id, { customerId });
    }
    const joinings = absent.map((newcomer) => toJoining(current, newcomer));
    const results = await tx.conversations.join(joinings, 'each');
    current = await settleKey(tx, await fresh(tx, id));
    for (const result of results) tellJoined(tx, current, { ...result, how });
    joined.push(...results.map(({ participant }) => participant));
  }
  if (conversation.kind === 'support') {
    for (const { userId } of wanted) {
      const participant = byUser.get(userId);
      if (!participant?.active || !comesToWork(participant, wanted)) continue;
      const patch = { side: 'staff', present: true, joinedAt: tx.at } as const;
      const [back] = await tx.conversations.updateParticipants(id, [userId], patch);
      if (!back) continue;
      current = await touch(tx, id);
      tellJoined(tx, current, { participant: back, first: false, how });
      joined.push(back);
    }
  }
  for (const participant of joined) byUser.set(participant.userId, participant);
  return { conversation: current, participants: wanted.flatMap(({ userId }) => byUser.get(userId) ?? []), joined };
}

/** Staff who were away since the last closing, and members who are now called in as staff. */
function comesToWork({ userId, side, present }: Participant, wanted: readonly Newcomer[]): boolean {
  if (side === 'staff') return !present;
  return side === 'member' && wanted.some((newcomer) => newcomer.userId === userId && newcomer.side === 'staff');
}

/** One who comes into many conversations at once, as a consequence of something else. */
export async function bringIntoAll(
  tx: Tx,
  userId: UserId,
  ids: readonly ConversationId[],
): Promise<readonly Participant[]> {
  const joinings = ids.map((conversationId) => ({
    conversationId,
    userId,
    role: 'user' as const,
    side: 'member' as const,
    groups: [],
  }));
  const results = await tx.conversations.join(joinings, 'each');
  const conversations = await byId(tx, ids);
  for (const result of results) {
    const conversation = conversations.get(result.participant.conversationId);
    if (conversation) tellJoined(tx, conversation, { ...result, how: 'implied' });
  }
  return results.map(({ participant }) => participant);
}

export function toJoining(conversation: Conversation, newcomer: Newcomer): Joining {
  const { userId, role = 'user', groups = [] } = newcomer;
  return { conversationId: conversation.id, userId, role, groups, side: sideOf(conversation, newcomer) };
}

/** Sides are support's; there is one customer, whoever comes later as one is a member. */
function sideOf({ kind, customerId }: Conversation, { userId, side }: Newcomer): ParticipantSide {
  if (kind !== 'support') return 'member';
  if (customerId === userId) return 'customer';
  return side === 'staff' ? 'staff' : 'member';
}

export interface TakenOut {
  readonly left: readonly Left[];
  /** Those that still live, by id. */
  readonly conversations: ReadonlyMap<ConversationId, Conversation>;
}

/** All of them must be in. What nobody is left in is removed, support conversations excepted. */
export async function takeOut(tx: Tx, leavings: readonly Leaving[]): Promise<TakenOut> {
  if (leavings.length === 0) return { left: [], conversations: new Map() };
  await leaveCallsOf(tx, leavings);
  const left = await tx.conversations.leave(leavings, 'each');
  const ids = [...new Set(leavings.map(({ conversationId }) => conversationId))];
  const conversations = await byId(tx, ids);
  for (const conversation of conversations.values()) {
    if (conversation.kind === 'direct') conversations.set(conversation.id, await settleKey(tx, conversation));
  }
  left.forEach((one, index) => {
    const conversation = conversations.get(one.participant.conversationId);
    const removed = leavings[index]?.removed ?? false;
    if (conversation) tellLeft(tx, conversation, { ...one, removed });
  });

  const counts = await tx.conversations.countActive(ids);
  const isOver = ({ id, kind }: Conversation) => kind !== 'support' && !counts.get(id);
  const gone = new Set(left.map(({ participant }) => `${participant.conversationId}:${participant.userId}`));
  for (const conversation of conversations.values()) {
    const { id, ownerId } = conversation;
    if (isOver(conversation) || ownerId === null || !gone.has(`${id}:${ownerId}`)) continue;
    conversations.set(id, await passOn(tx, conversation));
  }
  const over = [...conversations.values()].filter(isOver).map(({ id }) => id);
  await removeAll(tx, over);
  for (const id of over) conversations.delete(id);
  return { left, conversations };
}

/** To the first of the admins who remain, else to whoever is in for longest, else to nobody. */
async function passOn(tx: Tx, conversation: Conversation): Promise<Conversation> {
  const active = (await tx.conversations.participants(conversation.id)).filter(({ active }) => active);
  const heir = active.find(({ role }) => role === 'admin') ?? active[0];
  if (heir) return setOwner(tx, conversation, heir.userId);
  const current = await tx.conversations.update(conversation.id, { ownerId: null, updatedAt: tx.at });
  tellUpdated(tx, current, { changed: ['ownerId'], previous: { ownerId: conversation.ownerId } });
  return current;
}

/** The owner who was stays as an admin, if it is in at all. */
export async function setOwner(tx: Tx, conversation: Conversation, ownerId: UserId): Promise<Conversation> {
  const { id, ownerId: previous } = conversation;
  const current = await tx.conversations.update(id, { ownerId, updatedAt: tx.at });
  tellUpdated(tx, current, { changed: ['ownerId'], previous: { ownerId: previous } });
  if (previous !== null) {
    const [was] = await tx.conversations.participants(id, [previous]);
    if (was?.active && was.role === 'owner') {
      const [demoted] = await tx.conversations.updateParticipants(id, [previous], { role: 'admin' });
      if (demoted) tellChanged(tx, current, { participant: demoted, changed: ['role'] });
    }
  }
  const [owner] = await tx.conversations.updateParticipants(id, [ownerId], { role: 'owner' });
  if (owner) tellChanged(tx, current, { participant: owner, changed: ['role'] });
  return current;
}

/** Each with its entry; live calls and deadlines end with them. */
export async function removeAll(tx: Tx, ids: readonly ConversationId[]): Promise<void> {
  if (ids.length === 0) return;
  await endCallsOf(tx, ids);
  for (const conversation of await tx.conversations.remove(ids, 'each')) tellDeleted(tx, conversation);
}

/** The pair's key while exactly two are in; a direct conversation of more or fewer has none. Taken only when it is free. */
async function settleKey(tx: Tx, conversation: Conversation): Promise<Conversation> {
  const { id, kind, key } = conversation;
  if (kind !== 'direct' || (key !== null && !key.startsWith(PAIR))) return conversation;
  const counts = await tx.conversations.countActive([id]);
  let wanted: string | null = null;
  if (counts.get(id) === 2) {
    const active = (await tx.conversations.participants(id)).filter(({ active }) => active);
    wanted = pairKey(
      active.map(({ userId }) => userId),
      pairOf(conversation.attributes),
    );
    if (wanted !== key && (await tx.conversations.findByKey(wanted))) wanted = null;
  }
  return wanted === key ? conversation : tx.conversations.update(id, { key: wanted });
}

const PAIR = 'direct:';
/** Where the core's own notes about a conversation stand in its attributes. */
const NOTES = 'core';

/** `pair`: which of several conversations of the two. */
export function pairKey(userIds: readonly UserId[], pair: string | null = null): string {
  return PAIR + [...(pair === null ? [] : [pair]), ...[...userIds].sort((a, b) => a - b)].join(':');
}

export function pairNote(pair: string): JsonObject {
  return { [NOTES]: { pair } };
}

function pairOf(attributes: JsonObject): string | null {
  const { pair } = (attributes[NOTES] ?? {}) as JsonObject;
  return typeof pair === 'string' ? pair : null;
}

/** Moves the conversation's head to the entry that is appended next. */
export async function touch(tx: Tx, id: ConversationId): Promise<Conversation> {
  return tx.conversations.update(id, { changedPosition: tx.nextPosition, lastActivityAt: tx.at });
}

async function byId(tx: Tx, ids: readonly ConversationId[]): Promise<Map<ConversationId, Conversation>> {
  const conversations = await tx.conversations.findMany(ids);
  return new Map(conversations.map((conversation) => [conversation.id, conversation]));
}

export async function requireUsers(tx: Tx, userIds: readonly UserId[]): Promise<void> {
  const [missing] = await tx.conversations.missingUsers(userIds);
  if (missing === undefined) return;
  throw new DomainError('not_found', `No user ${missing}`, { subject: 'user', id: missing });
}

async function requireRoom(
  tx: Tx,
  id: ConversationId,
  { more, limit }: { readonly more: number; readonly limit: number },
): Promise<void> {
  const counts = await tx.conversations.countActive([id]);
  if ((counts.get(id) ?? 0) + more > limit) throw full(limit);
}

export function full(limit: number): DomainError {
  return new DomainError('conflict', `More than ${limit} participants`, { subject: 'conversation', reason: 'full' });
}

/** Whoever takes part in a conversation of a workspace belongs to the workspace: as a guest, so that nothing else opens to it. */
export async function makeGuests(tx: Tx, spaceId: SpaceId | null, userIds: readonly UserId[]): Promise<void> {
  if (spaceId === null) return;
  const space = await tx.spaces.find(spaceId);
  if (space?.kind !== 'workspace') return;
  const members = new Set((await tx.spaces.members(spaceId, userIds)).map(({ userId }) => userId));
  const strangers = userIds.filter((userId) => !members.has(userId));
  if (strangers.length === 0) return;
  const guests = strangers.map((userId) => ({ userId, role: 'guest' as SpaceRole }));
  const changes = await tx.spaces.setMembers(spaceId, guests, 'each');
  const current = (await tx.spaces.find(spaceId)) ?? space;
  for (const change of changes) tellMember(tx, current, change);
}
