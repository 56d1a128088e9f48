/**
 * A message that a client sent again: it goes by the event, not by the answer, so its own streams are told of the stored message once
 * more, on whatever node they are. Wire: PROTOCOL.md, "LocalId".
 */
import type { Core, DomainEvent, Log, Message, MessageId, UserActor } from '@switchboard/core';
import type { Delivery } from '@switchboard/protocol';
import { encodeFrame } from '../codec.ts';
import { eventId } from '../views/chats.ts';
import type { Views } from '../views.ts';
import { toEvent, toFrame } from './frames.ts';
import type { StreamConnection } from './stream.ts';

const SIGNAL = 'iqchannels.repeated';

type Repeated = Extract<DomainEvent, { type: 'wire.signal' }>;

export function isRepeat(event: DomainEvent): event is Repeated {
  return event.type === 'wire.signal' && event.name === SIGNAL;
}

export function createRepeats({ core, views, log }: { readonly core: Core; readonly views: Views; readonly log: Log }) {
  async function show(message: Message, connection: StreamConnection): Promise<void> {
    const view = core.directory.conversation(message.conversationId) ?? null;
    const said = {
      name: 'message_created',
      ownerId: null,
      isOfPresent: false,
      view,
      message,
      memberId: null,
      actorId: message.senderId,
    } as const;
    const event = { transient: true, at: message.createdAt } as DomainEvent;
    const { value, rels } = await views.build(connection.session.reader, (builder) => [
      {
        ...toEvent(builder, { event, said }),
        Id: eventId(message.changedPosition, 'message_created'),
        Transitive: false,
      },
    ]);
    // No cursor: the stream has been told of later things.
    const frame = { ...toFrame(value, rels), id: null };
    if (!connection.closed) connection.write(encodeFrame(frame, connection.encoding));
  }

  return {
    async repeat(actor: UserActor, message: Message): Promise<void> {
      const { conversationId, id } = message;
      await core.signals
        .relay(actor, { name: SIGNAL, conversationId, to: [actor.userId], data: { messageId: id } })
        .catch((error: unknown) => log('warn', 'a repeated message was not told again', { error: String(error) }));
    },

    async deliver({ event, connections }: Delivery): Promise<void> {
      if (!isRepeat(event)) return;
      const { messageId } = event.data as { readonly messageId: MessageId };
      const concerned = (connections as readonly StreamConnection[]).filter(
        ({ session: { target, reader } }) =>
          reader.part === 'client' && target.kind === 'chat' && target.conversationId === event.conversationId,
      );
      const [first] = concerned;
      if (!first) return;
      const [message] = await core.messages.find(first.session.actor, [messageId]);
      if (message) await Promise.all(concerned.map((connection) => show(message, connection)));
    },
  };
}
