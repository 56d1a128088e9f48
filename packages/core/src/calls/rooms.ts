/** Coming into a conversation's call and going out of it again, with one device. */
import type { Calls } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import { DomainError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import type { Call } from '../model/call.ts';
import type { Conversation } from '../model/conversation.ts';
import type { Tx } from '../ports/store.ts';
import { enter, findDevice } from './devices.ts';
import { about, cancelInvites, leaveLeg } from './ending.ts';
import { requireActive } from './participation.ts';
import { acceptedBy } from './ringing.ts';

export function createRooms(context: CoreContext): Pick<Calls, 'join' | 'leave'> {
  const { change } = context;
  return {
    async join(actor, command) {
      const device = await findDevice(context, actor, command);
      const { conversationId } = command;
      const { userId } = actor;
      return change(actor, async (tx) => {
        const conversation = await requireActive(tx, conversationId, userId);
        const [live] = await tx.calls.liveIn([conversationId]);
        const leg = live?.legs.find((one) => one.userId === userId);
        if (leg?.connectionId === device.connectionId && leg.graceUntil === null) throw wrongDevice('already_joined');
        let call = live ?? (await openRoom(tx, conversation, userId));
        const mine = call.participants.find((one) => one.userId === userId);
        if (call.mode === 'ringing' && mine?.state !== 'accepted') call = await acceptedBy(tx, call, userId);
        const entered = await enter(tx, call, device);
        if (!leg) await tx.calls.countCall(conversationId, userId);
        await cancelInvites(tx, [{ conversationId, userId }]);
        return entered;
      });
    },

    async leave(actor, { conversationId, connectionId = actor.connectionId ?? undefined }) {
      return change(actor, async (tx) => {
        const [live] = await tx.calls.liveIn([conversationId]);
        const leg = live?.legs.find((one) => one.userId === actor.userId);
        if (!live || !leg || leg.connectionId !== connectionId) throw wrongDevice('not_joined');
        return leaveLeg(tx, live, { ...leg, cause: { reason: 'left', by: actor.userId } });
      });
    },
  };
}

async function openRoom(tx: Tx, { id, spaceId }: Conversation, userId: UserId): Promise<Call> {
  const call = await tx.calls.insert({
    conversationId: id,
    spaceId,
    mode: 'room',
    state: 'active',
    media: 'audio',
    initiatorId: userId,
    participants: [],
    recorded: false,
    meta: {},
  });
  tx.append('call.started', about(call), { call });
  return call;
}

export function wrongDevice(reason: 'already_joined' | 'not_joined' | 'not_same_call'): DomainError {
  return new DomainError('conflict', `This device does not fit the call: ${reason}`, { subject: 'leg', reason });
}
