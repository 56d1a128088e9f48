/** Every request of this wire and what it is to core. Rows hold no control flow; what they share stands in operations/. */
import { type Operations, unsupported } from '@switchboard/protocol';
import { createCallOperations } from './operations/calls.ts';
import type { OperationContext } from './operations/context.ts';
import { createGroupOperations } from './operations/groups.ts';
import { createMessageOperations } from './operations/messages.ts';
import { createPreferenceOperations } from './operations/preferences.ts';
import { createRelayOperations } from './operations/relays.ts';
import { createTokenOperations } from './operations/tokens.ts';
import type { NetaloSession } from './session.ts';
import { OP, type OperationName } from './wire.ts';

const NO_PINS = unsupported<NetaloSession>('pinned messages are not in the document (PROTOCOL.md §12)');
const NO_LINKS = unsupported<NetaloSession>('invitation links are not in the document (PROTOCOL.md §12)');
const NO_CONFERENCES = unsupported<NetaloSession>('conferences need an external service (PROTOCOL.md §12)');
const NO_SECRETS = unsupported<NetaloSession>('end-to-end encrypted chats are not in the document (PROTOCOL.md §12)');

export function createOperations(context: OperationContext): Operations<OperationName, NetaloSession> {
  return {
    ...createTokenOperations(context),
    ...createGroupOperations(context),
    ...createPreferenceOperations(context),
    ...createMessageOperations(context),
    ...createCallOperations(context),
    ...createRelayOperations(context),
    [OP.pinMessage]: NO_PINS,
    [OP.unpinMessage]: NO_PINS,
    [OP.createLink]: NO_LINKS,
    [OP.listLink]: NO_LINKS,
    [OP.disableLink]: NO_LINKS,
    [OP.joinLink]: NO_LINKS,
    [OP.createGroupCall]: NO_CONFERENCES,
    [OP.joinGroupCall]: NO_CONFERENCES,
    [OP.startSecretChat]: NO_SECRETS,
    [OP.acceptSecretChat]: NO_SECRETS,
    [OP.deleteSecretChat]: NO_SECRETS,
  };
}
