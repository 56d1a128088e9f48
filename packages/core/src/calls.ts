/** Ringing calls and rooms: who is asked, who is in, on which device. Knows no wire, no media server and no SDP. */
import type { UserActor } from './actor.ts';
import { createBatchLoader, GATHER_CROWDS } from './batch-loader.ts';
import { createInvites } from './calls/invites.ts';
import { createLegs, type LegsNeighbours } from './calls/legs.ts';
import { createRelay } from './calls/relay.ts';
import { createRinging } from './calls/ringing.ts';
import { createRooms } from './calls/rooms.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import type { CallId, ConnectionId, ConversationId, InviteId, UserId } from './ids.ts';
import type { Call, CallInvite, CallLeg, CallMedia, MediaState } from './model/call.ts';
import type { JsonObject, JsonValue } from './model/user.ts';

/** A device that takes part: a live connection of the actor, on whatever node it is. */
export interface CallDevice {
  /** Default: the actor's own connection. */
  readonly connectionId?: ConnectionId;
  /** What the wires show as the device; default the connection's id. */
  readonly device?: string;
  /** What is not named is off, but for the speakers. */
  readonly media?: Partial<MediaState>;
  readonly mediaTokens?: JsonObject;
  /** How long the leg outlives its connection. */
  readonly graceMs: number;
}

export interface StartCall extends CallDevice {
  readonly conversationId: ConversationId;
  readonly callMedia: CallMedia;
  /** In the order in which the wire shows them; the caller may be among them. Absent or empty = everybody else in the conversation. */
  readonly calleeIds?: readonly UserId[];
  /** Default 60 s. */
  readonly ringMs?: number;
  /** Leave a message of kind `call` at the end. Default true. */
  readonly recorded?: boolean;
  readonly meta?: JsonObject;
}

export type CallAnswer = 'accept' | 'reject' | 'failed' | 'timeout';

export interface JoinedCall {
  readonly call: Call;
  readonly leg: CallLeg;
  /** The leg that the user had until now, in this call or another. */
  readonly previous: CallLeg | null;
}

export interface Calls {
  /**
   * Rings. The caller leaves the call it is in elsewhere. Errors: `not_found` and `forbidden` (reason `no_participant`, `blocked`) as in
   * conversations; `invalid` field `calleeIds`, reason `no_participant` or `empty`; `conflict` subject `call`, reason `busy`, id = the
   * conversation's live call.
   */
  start(actor: UserActor, command: StartCall): Promise<Call>;
  /**
   * `repeated`: the same answer from the same device, nothing changed. `not_found` unless the actor is a participant; `invalid` reason
   * `own_call` for the initiator; `conflict` reason `ended`, or `answered` for another answer later and for an accept while another live
   * device of the user is in.
   */
  answer(
    actor: UserActor,
    command: CallDevice & { readonly callId: CallId; readonly answer: CallAnswer },
  ): Promise<{ readonly call: Call; readonly repeated: boolean }>;
  /**
   * Hangs up: ends the call when two take part in it or its initiator gives up ringing, else the actor leaves it. Stopping an ended call
   * is `repeated`. `not_found` unless a participant. `meta` is merged over the call's, by namespace, when it ends the call.
   */
  stop(
    actor: UserActor,
    callId: CallId,
    options?: { readonly meta?: JsonObject },
  ): Promise<{ readonly call: Call; readonly repeated: boolean }>;
  /** The client says that media flow: `connectedAt`, once. */
  connected(actor: UserActor, callId: CallId): Promise<Call>;

  /**
   * Comes into the conversation's call with a device, which makes a room when there is none, and accepts when the call rings for the
   * actor. The user's leg moves here from wherever it is. Cancels invites of the actor here. `conflict` reason `already_joined` when the
   * same device is in already; `not_found` subject `leg` when the connection is not a live one of the actor.
   */
  join(actor: UserActor, command: CallDevice & { readonly conversationId: ConversationId }): Promise<JoinedCall>;
  /** `conflict`, reason `not_joined`, unless this very device is in that conversation's call. */
  leave(
    actor: UserActor,
    command: { readonly conversationId: ConversationId; readonly connectionId?: ConnectionId },
  ): Promise<Call>;
  /**
   * A connection has ended: its leg, if it holds one, gets its grace (or `graceMs`; 0 = leaves at once). With `anyDevice` another live
   * connection of the user in the same namespace takes the leg over instead. Never rejects: what the store cannot take is tried again.
   */
  dropped(
    actor: UserActor & { readonly connectionId: ConnectionId },
    options?: { readonly graceMs?: number; readonly anyDevice?: boolean },
  ): Promise<void>;
  /**
   * The actor's connection takes over the leg of an earlier one of the same user: the one named, alive or in its grace, or (none named)
   * whichever of the same namespace is in its grace. Null when there is none.
   */
  resume(
    actor: UserActor & { readonly connectionId: ConnectionId },
    options?: { readonly previous?: ConnectionId; readonly device?: string },
  ): Promise<JoinedCall | null>;

  /**
   * The flags of one device, all or some; `microphone: false` forces `speaking: false`. Told at once, stored at most once a second.
   * `conflict`, reason `not_joined`, unless the connection holds the user's leg.
   */
  setMedia(
    actor: UserActor,
    command: { readonly connectionId?: ConnectionId; readonly media: Partial<MediaState> },
  ): Promise<CallLeg>;
  /** Asks the device of another in the same call to be silent: a `call.signal` named `mute`. `conflict`, reason `not_same_call`. */
  requestMute(
    actor: UserActor,
    command: { readonly connectionId?: ConnectionId; readonly userId: UserId },
  ): Promise<void>;

  /**
   * Asks a participant of the conversation into its call. A pending invite of the same people is answered instead of a new one; null when
   * the recipient is in the call. `invalid` field `userId` for oneself; `forbidden` reason `no_participant` for the actor, `invalid`
   * field `userId` reason `no_participant` for the recipient.
   */
  invite(
    actor: UserActor,
    command: {
      readonly conversationId: ConversationId;
      readonly userId: UserId;
      readonly message: JsonObject;
      readonly answerNeeded: boolean;
      /** Default 40 s. */
      readonly timeoutMs?: number;
    },
  ): Promise<CallInvite | null>;
  /** By the one who was asked, while it is pending; `not_found` subject `invite`. */
  answerInvite(actor: UserActor, command: { readonly inviteId: InviteId; readonly response: JsonValue }): Promise<void>;

  /** Live or over: for its participants and those who take part in its conversation; `not_found` otherwise. */
  get(actor: UserActor, callId: CallId): Promise<Call>;
  /** The live calls of these conversations. No rights are judged. */
  liveIn(conversationIds: readonly ConversationId[]): Promise<readonly Call[]>;
  /** Live calls in which the user is asked or takes part: what rings on a device that has just come. Many at once are one statement. */
  liveFor(userId: UserId): Promise<readonly Call[]>;
  /** Legs of these users, wherever they are. Asked for one by one in the same turn, it is one statement. */
  legOf(userId: UserId): Promise<CallLeg | null>;
}

/** What core itself has of calls besides. */
export interface CallKeeper extends Calls {
  /** Takes over legs that dead nodes left behind, from now on. */
  startLooking(): Promise<void>;
  close(): Promise<void>;
}

export function createCalls(context: CoreContext, neighbours: LegsNeighbours): CallKeeper {
  const { store } = context;
  const { deadlines } = neighbours;
  const legs = createLegs(context, neighbours);
  const relay = createRelay(context, legs.legOf);
  const ringing = createRinging(context, deadlines);
  const rooms = createRooms(context);
  const { dropped, resume, legOf } = legs;
  const { setMedia, requestMute } = relay;

  const liveFor = createBatchLoader<UserId, readonly Call[]>({
    gather: GATHER_CROWDS,
    load: async (userIds) => {
      const calls = await store.calls.liveFor(userIds);
      return new Map(userIds.map((userId) => [userId, calls.filter((call) => concerns(call, userId))]));
    },
  });

  async function lookAfter(actor: UserActor, call: Call): Promise<void> {
    const leg = call.legs.find(({ userId }) => userId === actor.userId);
    if (leg) await legs.lookAfter(actor, leg);
  }

  return {
    ...ringing,
    ...rooms,
    ...createInvites(context, deadlines),
    dropped,
    resume,
    legOf,
    setMedia,
    requestMute,

    async start(actor, command) {
      const call = await ringing.start(actor, command);
      await lookAfter(actor, call);
      return call;
    },
    async answer(actor, command) {
      const answered = await ringing.answer(actor, command);
      if (command.answer === 'accept') await lookAfter(actor, answered.call);
      return answered;
    },
    async join(actor, command) {
      const joined = await rooms.join(actor, command);
      await lookAfter(actor, joined.call);
      return joined;
    },

    async get(actor, callId) {
      const [call] = await store.calls.find([callId]);
      const { userId } = actor;
      const may =
        call?.participants.some((one) => one.userId === userId) ||
        (call && (await store.conversations.participation(userId, call.conversationId)));
      if (!call || !may) throw new DomainError('not_found', `No call ${callId}`, { subject: 'call' });
      return call;
    },
    liveIn: (conversationIds) => store.calls.liveIn(conversationIds),
    liveFor: async (userId) => (await liveFor(userId)) ?? [],

    startLooking: legs.start,
    async close() {
      await relay.close();
      await legs.close();
    },
  };
}

function concerns({ legs, participants }: Call, userId: UserId): boolean {
  const isAsked = participants.some(
    (one) => one.userId === userId && (one.state === 'asked' || one.state === 'accepted'),
  );
  return isAsked || legs.some((leg) => leg.userId === userId);
}
