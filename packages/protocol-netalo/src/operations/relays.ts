/** What passes from socket to socket and is never stored: SDP, ICE candidates, and `event`. Wire: PROTOCOL.md §8, §9. */
import {
  type CallId,
  type ConversationId,
  type Core,
  DomainError,
  type JsonObject,
  type UserId,
} from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import type { NetaloSession } from '../session.ts';
import {
  type EventArgs,
  eventArgs,
  iceCandidateArgs,
  iceSdpArgs,
  NONE,
  OP,
  type OperationName,
  RESULT,
  TYPING,
} from '../wire.ts';
import { type Caller, type OperationContext, signedIn, toId, toKnownUser } from './context.ts';

type Names = typeof OP.iceSdp | typeof OP.iceCandidate | typeof OP.event;

interface Signalling {
  readonly call_id: string;
  readonly group_id: string;
  readonly receiver_uin: string;
}

export function createRelayOperations(
  context: OperationContext,
): Pick<Operations<OperationName, NetaloSession>, Names> {
  const { views } = context;
  const row = { answers: 'first', guard: signedIn } as const;

  /** Blocked people reach nobody. */
  async function requireVoice(core: Core, { actor }: Caller, id: ConversationId): Promise<void> {
    const part = await core.conversations.participation(actor.userId, id);
    if (part && part.blockedAt === null) return;
    if (part) throw new DomainError('forbidden', 'the caller is blocked', { reason: 'blocked' });
    throw nobody();
  }

  async function relay(
    core: Core,
    session: Caller,
    { name, args, content }: { name: string; args: Signalling; content: JsonObject },
  ) {
    const { actor } = session;
    const callId = toId<CallId>(args.call_id);
    const receiver = await toKnownUser(context, args.receiver_uin);
    const call = await core.calls.get(actor, callId);
    const isElsewhere = args.group_id !== NONE && args.group_id !== String(call.conversationId);
    if (receiver === null || isElsewhere) throw nobody();
    await requireVoice(core, session, call.conversationId);
    await core.signals.relayInCall(actor, {
      callId,
      name,
      to: [receiver],
      data: {
        call_id: views.id(callId),
        group_id: views.id(call.conversationId),
        sender_uin: views.uin(actor.userId),
        receiver_uin: views.id(args.receiver_uin),
        ...content,
      },
    });
    return { result: RESULT.ok };
  }

  async function relayEvent(core: Core, session: Caller, args: EventArgs) {
    const { actor } = session;
    const conversationId = args.group_id === NONE ? undefined : toId<ConversationId>(args.group_id);
    const to = await receiverOf(session, args);
    if (to === undefined && conversationId === undefined) {
      throw new DomainError('invalid', 'neither a receiver nor a group', { field: 'receiver_uin' });
    }
    if (conversationId !== undefined) await requireVoice(core, session, conversationId);
    await core.signals.relay(actor, {
      name: OP.event,
      ...(conversationId !== undefined && { conversationId }),
      ...(to !== undefined && { to: [to] }),
      data: {
        type: args.type,
        sender_uin: views.uin(actor.userId),
        receiver_uin: views.id(args.receiver_uin),
        data: args.data,
        call_id: views.id(args.call_id),
        group_id: views.id(args.group_id),
      },
    });
    if (conversationId !== undefined) await tellTyping(core, session, { args, conversationId, to });
    return { result: RESULT.ok };
  }

  async function receiverOf({ actor }: Caller, { receiver_uin }: EventArgs): Promise<UserId | undefined> {
    if (receiver_uin === NONE) return undefined;
    if (receiver_uin === views.uinDigits(actor.userId)) return actor.userId;
    const receiver = await toKnownUser(context, receiver_uin);
    if (receiver === null) throw nobody();
    return receiver;
  }

  /** What a whole group is told of typing is told to the other protocols, too: by the numbers of the list that the client goes by. */
  async function tellTyping(
    core: Core,
    { actor, form }: Caller,
    { args, conversationId, to }: { args: EventArgs; conversationId: ConversationId; to: UserId | undefined },
  ): Promise<void> {
    const { start, stop } = TYPING[form];
    if (args.type !== start && args.type !== stop) return;
    if (to !== undefined) {
      await core.directory.ensureConversations([conversationId]);
      const active = core.directory.conversation(conversationId)?.activeIds;
      if (to === actor.userId || active?.size !== 2) return;
    }
    await core.presence.setTyping(actor, conversationId, args.type === start);
  }

  return {
    [OP.iceSdp]: operation({
      ...row,
      args: iceSdpArgs,
      run: (core, session, { type, sdp, ...args }) =>
        relay(core, session, { name: OP.iceSdp, args, content: { type, sdp } }),
    }),

    [OP.iceCandidate]: operation({
      ...row,
      args: iceCandidateArgs,
      run: (core, session, { type, candidate, sdp_mid, sdp_mline_index, ...args }) =>
        relay(core, session, {
          name: OP.iceCandidate,
          args,
          content: { candidate, sdp_mid, sdp_mline_index, ...(type !== undefined && { type }) },
        }),
    }),

    [OP.event]: operation({ ...row, args: eventArgs, run: relayEvent }),
  };
}

function nobody(): DomainError {
  return new DomainError('not_found', 'nobody there to be told', { subject: 'conversation' });
}
