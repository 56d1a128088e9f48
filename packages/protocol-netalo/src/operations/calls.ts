/** Calls on the core's calls: what they are to each request of this wire. Wire: PROTOCOL.md §7. */
import {
  type Call,
  type CallAnswer,
  type CallId,
  type ConversationId,
  type Core,
  DomainError,
  isDomainError,
  type JsonObject,
} from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { unescapeText } from '../codec.ts';
import type { NetaloSession } from '../session.ts';
import {
  ANSWER,
  type AnswerCallArgs,
  answerCallArgs,
  type CreateCallArgs,
  callEventArgs,
  callStatusArgs,
  createCallArgs,
  MEDIA_TYPE,
  NONE,
  OP,
  type OperationName,
  RESULT,
  type StopCallArgs,
  stopCallArgs,
  type WireId,
} from '../wire.ts';
import { type Caller, type OperationContext, requireSelf, signedIn, toId, toKnownUsers } from './context.ts';

type Names =
  | typeof OP.createCall
  | typeof OP.answerCall
  | typeof OP.stopCall
  | typeof OP.callStatus
  | typeof OP.callEvent;

const ANSWERS: Readonly<Record<1 | 2 | 3 | 4, CallAnswer>> = { 1: 'accept', 2: 'reject', 3: 'timeout', 4: 'failed' };

export function createCallOperations(context: OperationContext): Pick<Operations<OperationName, NetaloSession>, Names> {
  const { options, views } = context;
  const { namespace, callGraceMs: graceMs, ringMs, recordCalls: recorded } = options;
  const row = { answers: 'first', guard: signedIn } as const;

  async function viewOf(call: Call) {
    await Promise.all([
      context.core.directory.ensureConversations([call.conversationId]),
      context.core.directory.ensureUsers(call.participants.map(({ userId }) => userId)),
    ]);
    return views.toCall(call, context.core.directory.conversation(call.conversationId)?.conversation);
  }

  /** The call, if the caller may know of it and it is where the client says. */
  async function find(core: Core, { actor }: Caller, { id, group }: { id: WireId; group: WireId }): Promise<Call> {
    const call = await core.calls.get(actor, toId<CallId>(id));
    if (group !== NONE && String(call.conversationId) !== group) {
      throw new DomainError('not_found', 'the call is in another group', { subject: 'call' });
    }
    return call;
  }

  async function create(core: Core, session: Caller, args: CreateCallArgs) {
    const { actor } = session;
    requireSelf(context, session, args.caller_uin);
    const conversationId = toId<ConversationId>(args.group_id);
    const calleeIds = await toKnownUsers(context, args.callee_uins);
    if (calleeIds.length < args.callee_uins.length) {
      await core.conversations.get(actor, conversationId);
      throw new DomainError('not_found', 'a callee who does not exist', { subject: 'participant' });
    }
    try {
      const call = await core.calls.start(actor, {
        conversationId,
        callMedia: args.media_type === MEDIA_TYPE.video ? 'video' : 'audio',
        calleeIds,
        ringMs,
        recorded,
        graceMs,
        meta: toMeta({
          group_name: unescapeText(args.group_name),
          group_avatar: args.group_avatar,
          sender_name: unescapeText(args.sender_name),
          sender_avatar: args.sender_avatar,
        }),
      });
      return { result: RESULT.ok, call: await viewOf(call) };
    } catch (error) {
      if (!isDomainError(error) || error.details.reason !== 'busy') throw error;
      const [call] = await core.calls.liveIn([conversationId]);
      return { result: RESULT.busy, ...(call && { call: await viewOf(call) }) };
    }
  }

  function toMeta(names: Readonly<Record<string, string | number>>): JsonObject {
    const given = Object.entries(names).filter(([, value]) => value !== '' && value !== 0);
    return given.length === 0 ? {} : { [namespace]: Object.fromEntries(given) };
  }

  async function answer(core: Core, session: Caller, args: AnswerCallArgs) {
    requireSelf(context, session, args.uin);
    const { id } = await find(core, session, { id: args.call_id, group: args.group_id });
    await core.calls.answer(session.actor, { callId: id, answer: ANSWERS[args.answer], graceMs });
    return { result: RESULT.ok };
  }

  async function stop(core: Core, session: Caller, args: StopCallArgs) {
    requireSelf(context, session, args.uin);
    const call = await find(core, session, { id: args.call_id, group: args.group_id });
    const { answer: given } = args;
    const meta = given >= ANSWER.accept && given <= ANSWER.failed ? toMeta({ ...bagOf(call), answer: given }) : {};
    await core.calls.stop(session.actor, call.id, { meta });
    return { result: RESULT.ok };
  }

  const bagOf = (call: Call) => views.bag(call.meta) as Readonly<Record<string, string>>;

  return {
    [OP.createCall]: operation({ ...row, args: createCallArgs, run: create }),
    [OP.answerCall]: operation({ ...row, args: answerCallArgs, run: answer }),
    [OP.stopCall]: operation({ ...row, args: stopCallArgs, run: stop }),

    [OP.callStatus]: operation({
      ...row,
      args: callStatusArgs,
      async run(core, session, { call_id, group_id }) {
        const call = await find(core, session, { id: call_id, group: group_id });
        const status = views.callStatusOf(call);
        return {
          result: RESULT.ok,
          call_id: views.id(call.id),
          group_id: views.id(call.conversationId),
          call_status: status,
          status,
        };
      },
    }),

    [OP.callEvent]: operation({
      ...row,
      args: callEventArgs,
      async run(core, session, { call_id, group_id, event }) {
        const { id } = await find(core, session, { id: call_id, group: group_id });
        // The only one that clients send: media flow.
        if (event === 2) await core.calls.connected(session.actor, id);
        return { result: RESULT.ok };
      },
    }),
  };
}
