/** Device tokens. Sending notifications is not this wire's. Wire: PROTOCOL.md §6.1. */
import { type Operations, operation } from '@switchboard/protocol';
import type { NetaloSession } from '../session.ts';
import { OP, type OperationName, RESULT, registerTokenArgs, unregisterTokenArgs } from '../wire.ts';
import { type OperationContext, requireSelf, signedIn } from './context.ts';

const PLATFORMS = { 1: 'android', 2: 'ios', 3: 'web', 4: 'ios-pushkit' } as const;

export function createTokenOperations(
  context: OperationContext,
): Pick<Operations<OperationName, NetaloSession>, typeof OP.registerToken | typeof OP.unregisterToken> {
  const { options, views } = context;
  const { namespace } = options;
  return {
    [OP.registerToken]: operation({
      answers: 'first',
      guard: signedIn,
      args: registerTokenArgs,
      async run(core, session, { uin, type, token }) {
        requireSelf(context, session, uin);
        const { userId } = session.actor;
        const device = session.actor.connectionId;
        const target = { userId, namespace, scope: '', platform: PLATFORMS[type], token, device };
        await core.users.addPushTarget(session.actor, target);
        return { result: RESULT.ok, uin: views.uin(userId), type, token };
      },
    }),

    [OP.unregisterToken]: operation({
      answers: 'first',
      guard: signedIn,
      args: unregisterTokenArgs,
      async run(core, session, { uin, token }) {
        requireSelf(context, session, uin);
        const { userId } = session.actor;
        await core.users.removePushTarget(session.actor, { userId, namespace, token });
        return { result: RESULT.ok, uin: views.uin(userId), token };
      },
    }),
  };
}
