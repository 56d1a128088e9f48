/**
 * All operations as two tables: what clients emit over the socket, and what they call over REST, each under its wire's name. The rows
 * of REST stand by noun in `operations/`. Wire: PROTOCOL.md, "Operations".
 */
import { type Core, isDomainError } from '@switchboard/core';
import { createActor, type Operations, operation, ProtocolError, type Schema } from '@switchboard/protocol';
import { decodeMiniChat, requireReadable } from './codec.ts';
import { type AccountOperation, createAccountOperations } from './operations/accounts.ts';
import { type CallOperation, createCallOperations } from './operations/calls.ts';
import { type ChannelOperation, createChannelOperations } from './operations/channels.ts';
import type { OperationsContext } from './operations/context.ts';
import { createPeopleOperations, type PeopleOperation } from './operations/people.ts';
import { createToolbox } from './operations/toolbox.ts';
import { createWorkspaceOperations, type WorkspaceOperation } from './operations/workspaces.ts';
import type { CallSession, SocketConnection, SocketSession, SocketSessions } from './session.ts';
import { ACTION, authArgs, type BroadcastArgs, broadcastArgs, OP, type SocketOperationName } from './wire.ts';

export type RestOperationName =
  | AccountOperation
  | WorkspaceOperation
  | ChannelOperation
  | CallOperation
  | PeopleOperation;

export function createRestOperations(context: OperationsContext): Operations<RestOperationName, CallSession> {
  const toolbox = createToolbox(context);
  return {
    ...createAccountOperations(context, toolbox),
    ...createWorkspaceOperations(context, toolbox),
    ...createChannelOperations(context, toolbox),
    ...createCallOperations(context, toolbox),
    ...createPeopleOperations(context, toolbox),
  };
}

export interface SocketOperationsContext extends OperationsContext {
  readonly sessions: SocketSessions;
}

type BoundSession = SocketSession & { readonly actor: NonNullable<SocketSession['actor']> };

function bound(session: SocketSession): BoundSession {
  if (session.actor === null) throw new ProtocolError('not_signed_in', 'the socket is not bound');
  return session as BoundSession;
}

/** What could not be read at all is a fault of its own; nothing else is known of it. */
function readable<T>(schema: Schema<T>): Schema<T> {
  return {
    safeParse(data) {
      requireReadable(data);
      return schema.safeParse(data);
    },
  };
}

function connectionOf({ connection }: SocketSession): SocketConnection {
  if (!connection) throw new Error('a session without its connection');
  return connection;
}

const anything: Schema<undefined> = { safeParse: () => ({ success: true, data: undefined }) };

export function createSocketOperations(
  context: SocketOperationsContext,
): Operations<SocketOperationName, SocketSession> {
  const { core, views, options, sessions } = context;

  return {
    // Rooms first, then the answer: what happens in between is heard.
    [OP.auth]: operation({
      guard: (session: SocketSession) => session,
      args: readable(authArgs),
      answers: 'after',
      run: (_core, session, args) => sessions.bind(connectionOf(session), args),
      reply: ({ userId, status, reconnected, leg }, { lookup }) => ({
        userId: views.toUserId(userId, lookup),
        reconnected,
        onlineStatus: status,
        ...(leg && { channelId: views.toChannelId(leg.conversationId, lookup), ...views.toMedia(leg) }),
      }),
    }),

    [OP.logout]: operation({
      guard: bound,
      args: anything,
      run: (_core, session) => {
        session.hasLoggedOut = true;
        connectionOf(session).close('normal');
      },
    }),

    [OP.broadcast]: operation({
      guard: bound,
      args: readable(broadcastArgs),
      run: async (_core, session, args) => {
        if (session.inCall === null) return;
        await relay(core, session, args);
        if (options.storeMiniChat && args.action === ACTION.miniChat) void keep(core, session, args);
      },
    }),
  };
}

/** To everybody in the call, the sender included; whoever is in none any more is not heard. */
async function relay(core: Core, { actor, callId }: BoundSession, { action, data }: BroadcastArgs): Promise<void> {
  if (callId === null) return;
  try {
    const content = { action, ...(data !== undefined && { data }) };
    await core.signals.relayInCall(actor, { callId, name: OP.broadcast, data: content });
  } catch (error) {
    if (!isDomainError(error) || (error.code !== 'not_found' && error.code !== 'conflict')) throw error;
  }
}

/** As a message of the channel's conversation. What is refused, or cannot be kept now, was broadcast and no more. */
async function keep(core: Core, { actor, inCall }: BoundSession, { data }: BroadcastArgs): Promise<void> {
  const text = (data as { readonly message?: unknown } | null | undefined)?.message;
  if (typeof text !== 'string' || text === '' || inCall === null) return;
  const { userId, namespace, capacity, sessionId, connectionId } = actor;
  const writer = createActor({ userId, namespace, capacity, sessionId }, connectionId);
  await core.messages.send(writer, { conversationId: inCall, text: decodeMiniChat(text) }).catch(() => undefined);
}
