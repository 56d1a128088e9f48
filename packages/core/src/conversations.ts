/**
 * Making, changing, opening and closing conversations, and who takes part in them: what every wire may ask for. The parts stand in
 * `conversations/`, one per kind of change. Knows no wire.
 */
import type { Actor, UserActor } from './actor.ts';
import type { CoreContext } from './context.ts';
import { createChanges } from './conversations/change.ts';
import { createCreation } from './conversations/create.ts';
import { EXPIRY } from './conversations/expiry.ts';
import { createMembership } from './conversations/membership.ts';
import { createPreferences } from './conversations/preferences.ts';
import { createReads } from './conversations/reads.ts';
import { createRemoval, expireConversation } from './conversations/removal.ts';
import { createRoles } from './conversations/roles.ts';
import { createSupport } from './conversations/support.ts';
import { createUpdate } from './conversations/update.ts';
import type { Deadlines } from './deadlines.ts';
import type { ConversationId, Namespace, SpaceId, UserId } from './ids.ts';
import type {
  Conversation,
  ConversationKind,
  ConversationWithParticipants,
  Participant,
  ParticipantRole,
  ParticipantSide,
} from './model/conversation.ts';
import type { JsonObject } from './model/user.ts';
import type { SharingQuery, SpaceTotals, WorkQuery, WorkTotals } from './ports/conversation-store.ts';
import { createSyntheticForms, type OwnIds, type SyntheticIds } from './synthetic-ids.ts';

export interface NewParticipant {
  readonly userId: UserId;
  readonly role?: ParticipantRole;
  readonly side?: ParticipantSide;
  readonly groups?: readonly string[];
}

export interface CreateConversation {
  readonly kind: ConversationKind;
  readonly typeLabel?: string | null;
  /**
   * Unique while it lives: `create` answers the one that has it. Direct conversations of two get the pair's key by themselves, lose it
   * when a third joins (and then have none: `kind` alone makes no pair) and take it again, if free, when two are left.
   */
  readonly key?: string | null;
  /** Direct conversations: two people may have one for each such word beside the one without. At most 64 characters. */
  readonly pair?: string;
  readonly spaceId?: SpaceId | null;
  readonly visibility?: 'public' | 'private';
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string | null;
  readonly ownerId?: UserId | null;
  readonly customerId?: UserId | null;
  /** Support conversations only; default true. */
  readonly open?: boolean;
  readonly temporary?: boolean;
  readonly expiresAt?: number | null;
  readonly attributes?: JsonObject;
  readonly externalIds?: Readonly<Record<Namespace, string>>;
  readonly participants: readonly NewParticipant[];
}

/** What event's AddConversation needs, in one transaction: open or create by external id, then take part. */
export interface EnterByExternalId {
  readonly namespace: Namespace;
  readonly externalId: string;
  /** Where a conversation made by this call stands. */
  readonly create: CreateConversation;
  /** `customer`: the conversation's customer if it has none, else a member. `staff`: staff of its queue, whoever is none a member. */
  readonly side: ParticipantSide;
}

export interface Conversations {
  /**
   * Says how the namespace's adapter computes the ids of conversations, and which ones of its own it can show. Once, before its first
   * connection. From then on `create` and `update` refuse others: `invalid` with reason `synthetic` or `form`.
   */
  declareIds(namespace: Namespace, synthetic: SyntheticIds, own?: OwnIds): void;
  create(
    actor: Actor,
    command: CreateConversation,
  ): Promise<ConversationWithParticipants & { readonly existed: boolean }>;
  /** The one direct conversation of two people, made when missing. */
  direct(
    actor: UserActor,
    otherId: UserId,
    options?: { readonly typeLabel?: string },
  ): Promise<ConversationWithParticipants & { readonly existed: boolean }>;
  enterByExternalId(
    actor: UserActor,
    command: EnterByExternalId,
  ): Promise<ConversationWithParticipants & { readonly created: boolean; readonly joined: boolean }>;
  /** `not_found` unless the actor takes part, is staff of its queue, or is the administration. */
  get(actor: Actor, id: ConversationId): Promise<ConversationWithParticipants>;
  /** Live, by an id of an outside system. No rights are judged. Null when there is none. */
  findByExternalId(namespace: Namespace, externalId: string): Promise<Conversation | null>;
  /** Live, by id; null when there is none. No rights are judged. */
  find(id: ConversationId): Promise<Conversation | null>;
  /** Live, by its key. No rights are judged. Null when there is none. */
  findByKey(key: string): Promise<Conversation | null>;
  /** How many stand in a space; `participantId` narrows them to those in which this user takes part. No rights are judged. */
  totalsOf(spaceId: SpaceId, participantId?: UserId): Promise<SpaceTotals>;
  /** What somebody works or has worked on as staff, in all queues or in these. No rights are judged. */
  workOf(userId: UserId, spaceIds?: readonly SpaceId[]): Promise<WorkTotals>;
  /** The same one by one, newest change first, at most 1000. */
  listWork(query: WorkQuery): Promise<readonly ConversationWithParticipants[]>;
  /** Active part in it: the actor's participant, or null. Its own SQL, never the cache. */
  participation(userId: UserId, id: ConversationId): Promise<Participant | null>;
  /** Which of these take part in a conversation in which the user takes part, too. One statement. */
  sharing(userId: UserId, userIds: readonly UserId[], query?: SharingQuery): Promise<ReadonlySet<UserId>>;
  /** Conversations in which the user takes part. */
  listFor(
    userId: UserId,
    query: {
      readonly order: 'id' | 'activity' | 'created';
      readonly direction: 'ascending' | 'descending';
      /** Leave out those hidden until a later message. */
      readonly visibleOnly?: boolean;
      /** Pinned ones first, latest pin first. */
      readonly pinnedFirst?: boolean;
      readonly kinds?: readonly ConversationKind[];
      readonly spaceId?: SpaceId;
      readonly limit?: number;
      readonly offset?: number;
    },
  ): Promise<readonly ConversationWithParticipants[]>;
  /**
   * Of a space, newest change first, at most 1000: staff of a queue see all, a customer its own (`customerId`), members of a workspace
   * those in which they take part. `forbidden` for others.
   */
  listOfSpace(
    actor: Actor,
    query: {
      readonly spaceId: SpaceId;
      readonly open?: boolean;
      readonly customerId?: UserId;
      /** Leave out those that nobody has come to as a customer yet. */
      readonly withCustomer?: boolean;
      readonly limit: number;
      readonly offset?: number;
    },
  ): Promise<readonly ConversationWithParticipants[]>;
  /** With exactly these participants (direct lookups of Netalo). */
  findByParticipants(userIds: readonly UserId[], kinds: readonly ConversationKind[]): Promise<readonly Conversation[]>;
  /** Rights: owner, admins, the creator; in a workspace its admins and moderators; staff in support. */
  update(
    actor: Actor,
    id: ConversationId,
    change: {
      readonly title?: string;
      readonly description?: string;
      readonly avatar?: string | null;
      readonly typeLabel?: string | null;
      readonly ownerId?: UserId;
      readonly visibility?: 'public' | 'private';
      readonly expiresAt?: number | null;
      readonly attributes?: JsonObject;
      readonly externalIds?: Readonly<Record<Namespace, string | null>>;
    },
  ): Promise<Conversation>;
  /** Rights: the owner; in a workspace managers too; of support conversations admins of the queue. */
  remove(actor: Actor, id: ConversationId): Promise<void>;

  /** Support conversations. Repeating changes nothing and tells nobody. */
  open(actor: Actor, id: ConversationId): Promise<Conversation>;
  close(actor: Actor, id: ConversationId): Promise<Conversation>;
  assign(actor: Actor, id: ConversationId, userId: UserId): Promise<Conversation>;
  unassign(actor: Actor, id: ConversationId): Promise<Conversation>;
  /** Assigns to another and leaves, in one transaction. */
  transfer(actor: UserActor, id: ConversationId, userId: UserId): Promise<Conversation>;

  /** Takes part oneself: staff of the queue, members of a public channel's workspace, whoever is let in by `allow`. */
  join(
    actor: UserActor,
    id: ConversationId,
    options?: { readonly side?: ParticipantSide; readonly allow?: boolean },
  ): Promise<Participant>;
  /** The owner's place passes on; what nobody is left in is removed (support conversations are not). Staff may repeat it. */
  leave(actor: UserActor, id: ConversationId): Promise<void>;
  /**
   * Adds others; those in already are passed over. In a workspace they are made members first, as guests. Rights: staff in support,
   * elsewhere whoever takes part or manages the conversation. `conflict` with reason `full` above the limit, which does not hold for the administration. Told as `invited`, of the administration's as `joined`.
   */
  addParticipants(
    actor: Actor,
    id: ConversationId,
    participants: readonly NewParticipant[],
  ): Promise<readonly Participant[]>;
  removeParticipants(actor: Actor, id: ConversationId, userIds: readonly UserId[]): Promise<void>;
  /** Several membership and metadata changes at once, all or nothing (Netalo's update_group). */
  change(
    actor: Actor,
    id: ConversationId,
    change: {
      readonly title?: string;
      readonly avatar?: string | null;
      readonly typeLabel?: string;
      /** By namespace, as in `update`; the owner's, as the type is. */
      readonly attributes?: JsonObject;
      readonly ownerId?: UserId;
      readonly add?: readonly UserId[];
      readonly remove?: readonly UserId[];
      readonly roles?: readonly { readonly userId: UserId; readonly role: ParticipantRole }[];
    },
  ): Promise<
    ConversationWithParticipants & {
      readonly changed: boolean;
      readonly added: readonly UserId[];
      readonly removed: readonly UserId[];
    }
  >;
  setRole(
    actor: Actor,
    id: ConversationId,
    change: { readonly userId: UserId; readonly role: ParticipantRole },
  ): Promise<Participant>;
  setGroups(
    actor: Actor,
    id: ConversationId,
    change: { readonly userId: UserId; readonly groups: readonly string[] },
  ): Promise<Participant>;
  /** A blocked participant stays one. `forbidden` without the right; answers whether anything changed. */
  block(actor: UserActor, id: ConversationId, userId: UserId): Promise<boolean>;
  unblock(actor: UserActor, id: ConversationId, userId: UserId): Promise<boolean>;
  /** One's own: mute, pin, hide from the list until a later message, clear the history up to now. */
  setPreferences(
    actor: UserActor,
    id: ConversationId,
    preferences: {
      readonly muted?: boolean;
      readonly pinned?: boolean;
      readonly hidden?: boolean;
      readonly cleared?: boolean;
    },
  ): Promise<Participant>;
}

export function createConversations(
  context: CoreContext,
  { deadlines }: { readonly deadlines: Deadlines },
): Conversations {
  deadlines.on(EXPIRY, expireConversation);
  const forms = createSyntheticForms(context.log, {
    subject: 'conversation',
    fieldOf: (namespace) => `externalIds.${namespace}`,
  });
  const creation = createCreation(context);
  const { update } = createUpdate(context);

  function checkIds(externalIds: Readonly<Record<Namespace, string | null>> = {}): void {
    for (const [namespace, id] of Object.entries(externalIds)) if (id !== null) forms.refuse(namespace, id);
  }

  return {
    ...creation,
    ...createReads(context),
    declareIds: forms.declare,
    async create(actor, command) {
      checkIds(command.externalIds);
      return creation.create(actor, command);
    },
    async update(actor, id, change) {
      checkIds(change.externalIds);
      return update(actor, id, change);
    },
    ...createRemoval(context),
    ...createSupport(context),
    ...createMembership(context),
    ...createChanges(context),
    ...createRoles(context),
    ...createPreferences(context),
  };
}
