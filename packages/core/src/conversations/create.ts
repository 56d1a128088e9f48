/**
 * Making conversations, and finding the one that is there already: by the pair, by key, by an outside id. Everything in one transaction
 * under the log's lock, so that two who make the same thing at once get the same thing.
 */
import type { Actor, UserActor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import type { Conversations, CreateConversation, EnterByExternalId } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import { checkedJson, checkedKey, checkedText } from '../field-checks.ts';
import type { UserId } from '../ids.ts';
import type { Conversation, ConversationWithParticipants, ParticipantSide } from '../model/conversation.ts';
import type { Space } from '../model/space.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import { tellCreated, tellPreferences } from './entries.ts';
import { bringIn, full, makeGuests, type Newcomer, pairKey, pairNote, requireUsers, toJoining } from './people.ts';
import { scheduleEnd } from './removal.ts';
import { forbidden, isQueueStaff } from './rights.ts';

type Created = ConversationWithParticipants & { readonly existed: boolean };

export function createCreation({
  change,
  limits,
}: CoreContext): Pick<Conversations, 'create' | 'direct' | 'enterByExternalId'> {
  /** Rights are judged unless an adapter answers for them (`trusted`). */
  async function createIn(
    tx: Tx,
    actor: Actor,
    { command, trusted }: { command: CreateConversation; trusted: boolean },
  ): Promise<Created> {
    const newcomers = newcomersOf(actor, command);
    const key =
      command.key ??
      (isPair(command, newcomers)
        ? pairKey(
            newcomers.map(({ userId }) => userId),
            command.pair,
          )
        : null);
    const existing = key === null ? null : await tx.conversations.findByKey(key);
    if (existing) return { ...(await reopenFor(tx, actor, existing)), existed: true };

    const space = command.spaceId ? await tx.spaces.find(command.spaceId) : null;
    if (command.spaceId && !space) throw noSpace();
    if (!trusted) await requireMaker(tx, actor, { command, space });
    if (!isAdministration(actor) && newcomers.length > limits.participants) throw full(limits.participants);
    const userIds = newcomers.map(({ userId }) => userId);
    await requireUsers(tx, userIds);
    if (command.kind === 'support') await requireStaffSides(tx, actor, { space, newcomers });
    await makeGuests(tx, space?.id ?? null, userIds);
    const everybody = space && isOpenToAll(command, space) ? await withMembers(tx, space, newcomers) : newcomers;

    const made = await tx.conversations.insert({ ...valuesOf(actor, command), key });
    await tx.conversations.setExternalIds(made.id, command.externalIds ?? {});
    const conversation = { ...made, externalIds: command.externalIds ?? {} };
    const joinings = everybody.map((newcomer) => toJoining(conversation, newcomer));
    const participants = (await tx.conversations.join(joinings, 'one')).map(({ participant }) => participant);
    tellCreated(tx, conversation, participants);
    await scheduleEnd(tx, conversation);
    return { conversation, participants, existed: false };
  }

  async function enterIn(tx: Tx, actor: UserActor, command: EnterByExternalId) {
    const { namespace, externalId } = command;
    const known = await tx.conversations.findByExternalId(namespace, externalId);
    const side = await sideOfEntrant(tx, actor, { command, known });
    if (!known) {
      const create = {
        ...command.create,
        externalIds: { ...command.create.externalIds, [namespace]: externalId },
        participants: [...command.create.participants, { userId: actor.userId, side }],
      };
      const made = await createIn(tx, actor, { command: checked(create), trusted: true });
      if (!made.existed) return { ...made, created: true, joined: true };
    }
    const conversation =
      known ?? (await tx.conversations.findByKey(command.create.key ?? '')) ?? unreachable('the key was there');
    const newcomer = { userId: actor.userId, side };
    const entered = await bringIn(tx, conversation, { newcomers: [newcomer], how: 'joined', limit: null });
    const participants = await tx.conversations.participants(conversation.id);
    return { conversation: entered.conversation, participants, created: false, joined: entered.joined.length > 0 };
  }

  return {
    async create(actor, command) {
      const sound = checked(command);
      return change(actor, (tx) => createIn(tx, actor, { command: sound, trusted: false }));
    },

    async direct(actor, otherId, options) {
      if (otherId === actor.userId) {
        throw new DomainError('invalid', 'Nobody talks to oneself', { subject: 'user', field: 'otherId' });
      }
      const command = checked({
        kind: 'direct',
        typeLabel: options?.typeLabel ?? null,
        participants: [{ userId: actor.userId }, { userId: otherId }],
      });
      return change(actor, (tx) => createIn(tx, actor, { command, trusted: false }));
    },

    async enterByExternalId(actor, command) {
      const { namespace, externalId } = command;
      checkedKey(externalId, { subject: 'conversation', field: namespace, maxLength: KEY_LENGTH });
      return change(actor, (tx) => enterIn(tx, actor, command));
    },
  };
}

const KEY_LENGTH = 512;
const PAIR_LENGTH = 64;
const TITLE_LENGTH = 1_000;
export const DESCRIPTION_LENGTH = 10_000;
const ADDRESS_LENGTH = 4_096;
const JSON_BYTES = 64 * 1024;

/** The fields that are texts, storable and not too long. */
export function checkedFields<T extends Partial<CreateConversation>>(command: T): T {
  const text = (field: 'title' | 'description' | 'avatar' | 'typeLabel', maxLength: number) => {
    const value = command[field];
    return typeof value === 'string'
      ? { [field]: checkedText(value, { subject: 'conversation', field, maxLength }) }
      : {};
  };
  const { attributes, externalIds } = command;
  for (const [field, value] of Object.entries(externalIds ?? {})) {
    if (value !== null) checkedKey(value, { subject: 'conversation', field, maxLength: KEY_LENGTH });
  }
  return {
    ...command,
    ...text('title', TITLE_LENGTH),
    ...text('description', DESCRIPTION_LENGTH),
    ...text('avatar', ADDRESS_LENGTH),
    ...text('typeLabel', KEY_LENGTH),
    ...(attributes && {
      attributes: checkedJson(attributes, { subject: 'conversation', field: 'attributes', maxBytes: JSON_BYTES }),
    }),
  };
}

function checked(command: CreateConversation): CreateConversation {
  if (typeof command.key === 'string') {
    checkedKey(command.key, { subject: 'conversation', field: 'key', maxLength: KEY_LENGTH });
  }
  if (command.pair !== undefined) {
    checkedKey(command.pair, { subject: 'conversation', field: 'pair', maxLength: PAIR_LENGTH });
  }
  if (command.visibility === 'public' && !command.spaceId) {
    throw new DomainError('invalid', 'Public to whom?', { subject: 'conversation', field: 'visibility' });
  }
  return { ...checkedFields(command), participants: command.participants.map(checkedGroups) };
}

/** Names of groups, storable and not too long. */
export function checkedGroups<T extends { readonly groups?: readonly string[] }>(newcomer: T): T {
  if (newcomer.groups === undefined) return newcomer;
  const rule = { subject: 'participant', field: 'groups', maxLength: KEY_LENGTH } as const;
  return { ...newcomer, groups: newcomer.groups.map((group) => checkedText(group, rule)) };
}

/** Owner or maker first, then the others in the order given, each once. */
function newcomersOf(actor: Actor, command: CreateConversation): readonly Newcomer[] {
  const { kind, customerId } = command;
  const ownerId = ownerOf(actor, command);
  const people: Newcomer[] = kind !== 'support' && actor.userId !== null ? [{ userId: actor.userId }] : [];
  if (ownerId !== null) people.unshift({ userId: ownerId });
  if (customerId) people.push({ userId: customerId, side: 'customer' });
  const byUser = new Map<UserId, Newcomer>();
  for (const person of [...people, ...command.participants]) {
    byUser.set(person.userId, { ...byUser.get(person.userId), ...person });
  }
  return [...byUser.values()].map((newcomer) =>
    newcomer.userId === ownerId ? { ...newcomer, role: 'owner' } : newcomer,
  );
}

function ownerOf(actor: Actor, { kind, ownerId }: CreateConversation): UserId | null {
  return ownerId ?? (kind === 'support' ? null : actor.userId);
}

function isPair({ kind }: CreateConversation, newcomers: readonly Newcomer[]): boolean {
  return kind === 'direct' && newcomers.length === 2;
}

function valuesOf(actor: Actor, command: CreateConversation) {
  const { kind, participants } = command;
  const firstCustomer = participants.find(({ side }) => side === 'customer')?.userId;
  return {
    kind,
    typeLabel: command.typeLabel ?? null,
    spaceId: command.spaceId ?? null,
    visibility: command.visibility ?? ('private' as const),
    title: command.title ?? '',
    description: command.description ?? '',
    avatar: command.avatar ?? null,
    createdBy: actor.userId,
    ownerId: ownerOf(actor, command),
    customerId: kind === 'support' ? (command.customerId ?? firstCustomer ?? null) : null,
    open: kind !== 'support' || (command.open ?? true),
    temporary: command.temporary ?? false,
    expiresAt: command.expiresAt ?? null,
    attributes: { ...command.attributes, ...(command.pair !== undefined && pairNote(command.pair)) },
  };
}

/** In a workspace its members, guests excepted; in a queue its staff, and customers for themselves. */
async function requireMaker(
  tx: Tx,
  actor: Actor,
  { command, space }: { readonly command: CreateConversation; readonly space: Space | null },
): Promise<void> {
  const { userId } = actor;
  if (space?.kind === 'queue' && command.kind !== 'support') {
    throw new DomainError('invalid', 'A queue has support conversations only', { subject: 'space', field: 'kind' });
  }
  if (userId === null || space === null) return;
  const [member] = await tx.spaces.members(space.id, [userId]);
  if (space.kind === 'workspace') {
    if (!member) throw noSpace();
    if (member.role === 'guest') throw forbidden('guest');
    return;
  }
  if (command.customerId !== userId && !isQueueStaff(member?.role ?? null)) throw forbidden('not_staff');
}

/** Whoever enters as staff where it is none comes in as a member. */
async function sideOfEntrant(
  tx: Tx,
  actor: UserActor,
  { command, known }: { readonly command: EnterByExternalId; readonly known: Conversation | null },
): Promise<ParticipantSide> {
  if (command.side !== 'staff') return command.side;
  const spaceId = known ? known.spaceId : (command.create.spaceId ?? null);
  const [member] = spaceId === null ? [] : await tx.spaces.members(spaceId, [actor.userId]);
  return isQueueStaff(member?.role ?? null) ? 'staff' : 'member';
}

/** Who comes in as staff must be staff of the queue, unless the administration says so. */
async function requireStaffSides(
  tx: Tx,
  actor: Actor,
  { space, newcomers }: { readonly space: Space | null; readonly newcomers: readonly Newcomer[] },
): Promise<void> {
  const staff = newcomers.filter(({ side }) => side === 'staff').map(({ userId }) => userId);
  if (staff.length === 0 || isAdministration(actor)) return;
  const members = space === null ? [] : await tx.spaces.members(space.id, staff);
  const known = new Set(members.filter(({ role }) => isQueueStaff(role)).map(({ userId }) => userId));
  if (staff.some((userId) => !known.has(userId))) throw forbidden('not_staff');
}

function isOpenToAll({ kind, visibility }: CreateConversation, space: Space): boolean {
  return space.kind === 'workspace' && visibility === 'public' && (kind === 'channel' || kind === 'group');
}

async function withMembers(tx: Tx, space: Space, newcomers: readonly Newcomer[]): Promise<readonly Newcomer[]> {
  const named = new Set(newcomers.map(({ userId }) => userId));
  const members = await tx.spaces.members(space.id);
  const others = members.filter(({ userId, role }) => role !== 'guest' && !named.has(userId));
  return [...newcomers, ...others.map(({ userId }) => ({ userId }))];
}

/** Whoever opens again what it had hidden sees it in its list again. */
async function reopenFor(tx: Tx, actor: Actor, conversation: Conversation): Promise<ConversationWithParticipants> {
  const participants = await tx.conversations.participants(conversation.id);
  const own = participants.find(({ userId }) => userId === actor.userId);
  if (!own?.active || own.hiddenAtSeq === null) return { conversation, participants };
  const [shown] = await tx.conversations.updateParticipants(conversation.id, [own.userId], { hiddenAtSeq: null });
  if (!shown) return { conversation, participants };
  tellPreferences(tx, conversation, { participant: shown, changed: ['hidden'] });
  return { conversation, participants: participants.map((one) => (one.id === shown.id ? shown : one)) };
}

function noSpace(): DomainError {
  return new DomainError('not_found', 'No such space for this actor', { subject: 'space' });
}

function unreachable(why: string): never {
  throw new Error(why);
}
