/** What the rows share: ids as core has them, people behind `uin`s, and looking at what a change has become. */
import {
  type ConversationId,
  type Core,
  DomainError,
  isId,
  type Lookup,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { isSignedIn, type SignedIn } from '@switchboard/protocol';
import { REASON } from '../errors.ts';
import type { Facts } from '../facts.ts';
import type { NetaloOptions } from '../options.ts';
import type { NetaloSession } from '../session.ts';
import type { Place } from '../views/basic.ts';
import type { Views } from '../views.ts';
import { type GroupObject, MAX_UIN, NONE, type WireId } from '../wire.ts';

export interface OperationContext {
  readonly core: Core;
  readonly options: NetaloOptions;
  readonly views: Views;
  readonly facts: Facts;
}

export type Caller = SignedIn<NetaloSession>;

export const signedIn = isSignedIn<NetaloSession>;

/** `not_found` for what is the id of nothing here. */
export function toId<Id extends number>(digits: WireId): Id {
  const number = Number(digits);
  if (!isId(number)) throw new DomainError('not_found', `nothing has the id ${digits}`, { subject: 'conversation' });
  return number as Id;
}

/** Absent or the caller itself; `forbidden` for anybody else. */
export function requireSelf({ core: _core, views }: OperationContext, { actor }: Caller, uin: WireId): void {
  if (uin === NONE || uin === views.uinDigits(actor.userId)) return;
  throw new DomainError('forbidden', 'somebody else is named as the one who acts', { reason: REASON.notSelf });
}

/** Makes users of `uin`s that are new, where the deployment wants that; `not_found` subject `user` for others. In the order given. */
export async function toUsers(context: OperationContext, actor: UserActor, uins: readonly WireId[]): Promise<UserId[]> {
  const { core, options } = context;
  const { namespace } = options;
  if (uins.some((uin) => Number(uin) > MAX_UIN)) throw noUser();
  const users = options.provisionUnknownUsers
    ? await core.identities.provisionMany(actor, { namespace, externalIds: uins })
    : await core.identities.resolveMany(namespace, uins);
  return uins.map((uin) => {
    const user = users.get(uin);
    if (!user) throw noUser();
    return user.id;
  });
}

function noUser(): DomainError {
  return new DomainError('not_found', 'a uin that names nobody', { subject: 'user' });
}

/** Those who exist, in the order given. */
export async function toKnownUsers({ core, options }: OperationContext, uins: readonly WireId[]): Promise<UserId[]> {
  if (uins.length === 0) return [];
  const users = await core.identities.resolveMany(options.namespace, uins);
  return uins.flatMap((uin) => users.get(uin)?.id ?? []);
}

export async function toKnownUser(context: OperationContext, uin: WireId): Promise<UserId | null> {
  const [user] = await toKnownUsers(context, [uin]);
  return user ?? null;
}

/** The conversation after what the actor has just done there; undefined when that was its end. */
export async function placeAfter(
  { core }: OperationContext,
  actor: UserActor,
  id: ConversationId,
): Promise<ReturnType<Lookup['conversation']>> {
  await Promise.all([
    // What was committed is answered even when this node is late.
    actor.lastPosition > 0 && core.events.delivered(actor.lastPosition).catch(() => undefined),
    core.directory.ensureConversations([id]),
  ]);
  return core.directory.conversation(id);
}

/** The group as the caller sees it. */
export async function groupFor(context: OperationContext, actor: UserActor, place: Place): Promise<GroupObject> {
  const facts = await context.facts.ofGroups(actor.userId, [place]);
  const own = facts.get(place.conversation.id);
  if (!own) throw new DomainError('internal', 'facts of a group are missing');
  return context.views.toGroup(place, own);
}

export async function groupAfter(
  context: OperationContext,
  actor: UserActor,
  id: ConversationId,
): Promise<GroupObject> {
  const place = await placeAfter(context, actor, id);
  if (!place) throw new DomainError('not_found', 'the group is gone', { subject: 'conversation' });
  return groupFor(context, actor, place);
}

/** A list with each participant by its user. */
export function toPlace({
  conversation,
  participants,
}: {
  readonly conversation: Place['conversation'];
  readonly participants: readonly (Place['participants'] extends ReadonlyMap<UserId, infer P> ? P : never)[];
}): Place {
  return { conversation, participants: new Map(participants.map((one) => [one.userId, one])) };
}
