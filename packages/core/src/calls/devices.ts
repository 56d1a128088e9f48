/** Devices coming into calls: which connection it is, and what its coming does to the leg that its user had before. */
import type { UserActor } from '../actor.ts';
import type { CallDevice } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import { DomainError, isDomainError } from '../errors.ts';
import type { ConnectionId, Namespace, NodeId } from '../ids.ts';
import type { Call, CallLeg } from '../model/call.ts';
import type { Tx } from '../ports/store.ts';
import { about, leaveLeg, toData } from './ending.ts';
import { mergeMedia } from './media.ts';

export type Device = Omit<CallLeg, 'callId' | 'conversationId' | 'joinedAt' | 'graceUntil' | 'media'> &
  Pick<CallDevice, 'media'>;

/** Finds the connection, wherever it is. `not_found` subject `leg` when it is no live one of the actor. */
export async function findDevice(
  { presence, nodeId }: CoreContext,
  actor: UserActor,
  command: CallDevice,
): Promise<Device> {
  const connectionId = command.connectionId ?? actor.connectionId;
  if (connectionId === null) throw noDevice();
  const own = { connectionId, namespace: actor.namespace, nodeId };
  const place = connectionId === actor.connectionId ? own : await findElsewhere(presence, actor, connectionId);
  const { device = connectionId, media, mediaTokens = {}, graceMs } = command;
  return { userId: actor.userId, ...place, device, mediaTokens, graceMs, ...(media && { media }) };
}

async function findElsewhere(presence: CoreContext['presence'], { userId }: UserActor, connectionId: ConnectionId) {
  const state = (await presence.get([userId])).get(userId);
  const found = state?.connections.find(({ id, endedAt }) => id === connectionId && endedAt === null);
  if (!found) throw noDevice();
  const { namespace, nodeId }: { readonly namespace: Namespace; readonly nodeId: NodeId } = found;
  return { connectionId, namespace, nodeId };
}

/** Whether the connection is known to have ended meanwhile. Not knowing is no. */
export async function hasEnded({ presence }: CoreContext, { userId, connectionId, nodeId }: CallLeg, own: NodeId) {
  if (nodeId === own) return false;
  try {
    const state = (await presence.get([userId])).get(userId);
    return !state?.connections.some(({ id, endedAt }) => id === connectionId && endedAt === null);
  } catch (error) {
    if (isDomainError(error) && error.code === 'unavailable') return false;
    throw error;
  }
}

interface Entered {
  readonly call: Call;
  readonly leg: CallLeg;
  readonly previous: CallLeg | null;
}

/**
 * The user's one leg is this device in this call from here on. What it leaves is told before it is in when the device is the same, and
 * after it when it is another: the order in which wires show a move.
 */
export async function enter(tx: Tx, call: Call, device: Device): Promise<Entered> {
  const { userId } = device;
  const previous = await tx.calls.legOf(userId);
  const leg: CallLeg = {
    ...device,
    callId: call.id,
    conversationId: call.conversationId,
    media: mergeMedia(null, device.media ?? {}, tx.at),
    joinedAt: tx.at,
    graceUntil: null,
  };
  const elsewhere = previous !== null && previous.callId !== call.id ? previous : null;
  const sameDevice = previous?.connectionId === leg.connectionId;
  if (elsewhere && sameDevice) await leaveElsewhere(tx, elsewhere);
  const saved = await tx.calls.save({ ...call, legs: [...call.legs.filter((one) => one.userId !== userId), leg] });
  if (previous) {
    const from = previous;
    tx.append('call.leg_moved', about(saved, { leg, from }), { call: saved, leg, from });
  } else {
    tx.append('call.leg_joined', { ...about(saved), data: toData({ leg }) }, { call: saved, leg });
  }
  if (elsewhere && !sameDevice) await leaveElsewhere(tx, elsewhere);
  return { call: saved, leg, previous };
}

async function leaveElsewhere(tx: Tx, leg: CallLeg): Promise<void> {
  const old = await tx.calls.find(leg.callId);
  if (old && old.state !== 'ended') {
    await leaveLeg(tx, old, { ...leg, cause: { reason: 'moved', by: leg.userId } });
  }
}

function noDevice(): DomainError {
  return new DomainError('not_found', 'No live connection of this user', { subject: 'leg' });
}
