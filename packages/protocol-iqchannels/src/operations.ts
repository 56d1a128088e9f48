/** Every call of this wire as one table, put together by noun: guard, arguments, use case, answer. */
import type { Operations } from '@switchboard/protocol';
import { createAccess, type OperationsContext } from './operations/access.ts';
import { createChats } from './operations/chats.ts';
import { createClientChat } from './operations/client-chat.ts';
import { createFileOperations } from './operations/files.ts';
import { createMessages } from './operations/messages.ts';
import { createPrompts } from './operations/prompts.ts';
import { createSignIn } from './operations/sign-in.ts';
import { createStartUp } from './operations/start-up.ts';
import type { IqSession } from './session.ts';
import { OP, type OperationName } from './wire.ts';

export function createOperations(context: OperationsContext): Operations<OperationName, IqSession> {
  const access = createAccess(context);
  return {
    ...createSignIn(context, access),
    ...createClientChat(context, access),
    ...createStartUp(context, access),
    ...createPrompts(context),
    ...createChats(context, access),
    ...createMessages(context, access),
    ...createFileOperations(context),
  };
}

/** Calls that need no session, and look at no token: a stale one must not stop a start. */
export const OPEN_CALLS: ReadonlySet<OperationName> = new Set([
  OP.integrationAuth,
  OP.integrationAuthInProject,
  OP.clientsAuth,
  OP.anonymousAuth,
  OP.signup,
  OP.version,
  OP.greetings,
  OP.consentPage,
  OP.personalDataForm,
  OP.filesConfig,
  OP.endAppeals,
  OP.languages,
  OP.badWords,
  OP.logMessage,
  OP.audioEnabled,
  OP.blocker,
]);
