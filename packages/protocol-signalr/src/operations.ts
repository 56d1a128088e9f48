/** The fourteen operations as a table: guard, arguments, use case, reply. Wire: PROTOCOL.md, "Operations". */
import { DomainError, type Message, type MessageId } from '@switchboard/core';
import { isAnybody, isSignedIn, type Operations, operation } from '@switchboard/protocol';
import { createChats } from './chats.ts';
import { FIELD_IDENTITIES } from './errors.ts';
import { authorize, type SignalrSession, type SignInContext } from './session.ts';
import { parseConversationId, parseId, type Views } from './views.ts';
import { createWatching } from './watching.ts';
import {
  authorizeArguments,
  conversationArguments,
  EVENT,
  event,
  type GeneralInfo,
  identitiesArguments,
  noArguments,
  notificationArguments,
  OP,
  type OperationName,
  placeholder,
  type ServerMessage,
  STATE,
  seenArguments,
  sendArguments,
  typingArguments,
} from './wire.ts';

const anybody = isAnybody<SignalrSession>;
const identified = isSignedIn<SignalrSession>;

/** Identities in one call. */
const MOST_IDENTITIES = 500;

export interface OperationsContext extends SignInContext {
  readonly views: Views;
  /** Calls the client of this session, and nobody else. */
  readonly tell: (session: SignalrSession, message: ServerMessage) => void;
}

export function createOperations(context: OperationsContext): Operations<OperationName, SignalrSession> {
  const { options, views, tell } = context;
  const chats = createChats(context);
  const watching = createWatching(context);
  const generalInfo: GeneralInfo = { conversationTypes: options.conversationTypes };
  const nothing = () => null;

  return {
    [OP.ping]: operation({
      guard: anybody,
      args: noArguments,
      run(_core, session) {
        tell(session, event(EVENT.pong));
        tell(session, event(EVENT.ping));
        if (session.state === STATE.unstable) session.state = STATE.oneWay;
      },
      reply: nothing,
      limited: false,
    }),

    [OP.pong]: operation({
      guard: anybody,
      args: noArguments,
      run(_core, session) {
        if (session.state === STATE.oneWay) session.state = STATE.stable;
      },
      reply: nothing,
      limited: false,
    }),

    [OP.authorize]: operation({
      guard: anybody,
      args: authorizeArguments,
      run: async (_core, session, [members]) =>
        tell(session, event(EVENT.authorizationResult, await authorize(context, session, members))),
      reply: nothing,
    }),

    [OP.getGeneralInfo]: operation({ guard: anybody, args: noArguments, run: () => generalInfo }),

    [OP.getConversationList]: operation({
      guard: identified,
      args: placeholder,
      run: (_core, { actor }) => chats.list(actor.userId),
    }),

    [OP.getMessages]: operation({
      guard: identified,
      args: conversationArguments,
      run: (_core, { actor }, [{ conversationid }]) => chats.history(actor, requireConversationId(conversationid)),
    }),

    [OP.sendMessage]: operation({
      guard: identified,
      args: sendArguments,
      run: async (core, { actor }, [{ content, conversationid, usermeta }]) => {
        const conversationId = requireConversationId(conversationid);
        if (content === '' && Object.keys(usermeta ?? {}).length === 0) {
          throw new DomainError('invalid', 'neither content nor a bag', { field: 'text' });
        }
        const meta = usermeta === null ? {} : { meta: { [options.namespace]: usermeta as Message['meta'] } };
        const { message } = await core.messages.send(actor, { conversationId, text: content, ...meta });
        return message;
      },
      reply: (message, { lookup }) => views.toMessage(message, lookup, { seenCount: 0, isSeenByYou: true }),
    }),

    // `after`: the next list shows the mark.
    [OP.seenMessage]: operation({
      guard: identified,
      args: seenArguments,
      run: async (core, { actor }, [{ messageids }]) => {
        const messageIds = messageids.flatMap((text) => (parseId(text) as MessageId | null) ?? []);
        if (messageIds.length > 0) await core.receipts.mark(actor, { kind: 'read', messageIds });
      },
      reply: nothing,
      answers: 'after',
    }),

    [OP.setTyping]: operation({
      guard: identified,
      args: typingArguments,
      run: (core, { actor }, [{ conversationid, typingstatus }]) =>
        core.presence.setTyping(actor, requireConversationId(conversationid), isOn(typingstatus, 'typingStatus')),
      reply: nothing,
    }),

    [OP.setNotification]: operation({
      guard: identified,
      args: notificationArguments,
      run: (core, { actor }, [{ conversationid, status }]) =>
        core.conversations.setPreferences(actor, requireConversationId(conversationid), {
          muted: !isOn(status, 'status'),
        }),
      reply: nothing,
    }),

    [OP.startUpdates]: operation({
      guard: identified,
      args: noArguments,
      run(_core, session) {
        session.receivesUpdates = true;
      },
      reply: nothing,
    }),

    [OP.stopUpdates]: operation({
      guard: identified,
      args: noArguments,
      run(_core, session) {
        session.receivesUpdates = false;
      },
      reply: nothing,
    }),

    [OP.subscribe]: operation({
      guard: identified,
      args: identitiesArguments,
      run: (_core, session, [{ identities }]) =>
        watching.add(session, requireFew(identities), (status) => tell(session, event(EVENT.identityStatus, status))),
      reply: nothing,
    }),

    [OP.unsubscribe]: operation({
      guard: identified,
      args: identitiesArguments,
      run: (_core, session, [{ identities }]) => watching.remove(session, requireFew(identities)),
      reply: nothing,
    }),
  };
}

function requireConversationId(text: string) {
  const id = parseConversationId(text);
  if (id === null) throw new DomainError('not_found', 'no conversation id', { subject: 'conversation' });
  return id;
}

function isOn(value: number, field: string): boolean {
  if (value !== 0 && value !== 1) throw new DomainError('invalid', 'neither 0 nor 1', { field });
  return value === 1;
}

/** Each once. */
function requireFew(identities: readonly (string | null)[]): readonly string[] {
  if (identities.length > MOST_IDENTITIES) {
    throw new DomainError('too_large', `more than ${MOST_IDENTITIES} identities`, { field: FIELD_IDENTITIES });
  }
  return [...new Set(identities.filter((identity) => identity !== null))];
}
