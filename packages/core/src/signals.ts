/** What passes and is never stored: hints between devices, relayed to whoever may hear them. */
import type { UserActor } from './actor.ts';
import type { CallId, ConnectionId, ConversationId, UserId } from './ids.ts';
import type { JsonValue } from './model/user.ts';

export interface Signals {
  /**
   * Relays within the actor's namespace. With a conversation: the actor and those named must take part in it; without: they must share
   * one. Nobody named = everybody in the conversation. `not_found` otherwise.
   */
  relay(
    actor: UserActor,
    command: {
      readonly name: string;
      readonly conversationId?: ConversationId;
      readonly to?: readonly UserId[];
      readonly data: JsonValue;
    },
  ): Promise<void>;
  /** To the devices in a live call (`to` empty = all legs); `connections` narrows it. `not_found`, `conflict` reason `ended`. */
  relayInCall(
    actor: UserActor,
    command: {
      readonly callId: CallId;
      readonly name: string;
      readonly to?: readonly UserId[];
      readonly connections?: readonly ConnectionId[];
      readonly data: JsonValue;
    },
  ): Promise<void>;
}
