/**
 * What stands on this wire, to the letter: names, shapes, and one schema per inbound shape. Members are matched without regard to case and
 * missing ones have their zero value, as the original's Go decoder does. Knows no domain.
 * Wire: PROTOCOL.md §3 to §5.
 */
import { z } from 'zod';

export const OP = {
  addConversation: 'Event.AddConversation',
  getConversationList: 'Event.GetConversationList',
  getMessageList: 'Event.GetMessageList',
  sendMessage: 'Event.SendMessage',
  readMessage: 'Event.ReadMessage',
  getUnreadInfo: 'Event.GetUnreadInfo',
  getUnreadMessages: 'Event.GetUnreadMessages',
} as const;

export type OperationName = (typeof OP)[keyof typeof OP];

export const EVENT = { receiveMessage: 'Event.ReceiveMessage' } as const;

/** 1 text, 2 an image whose address (or data) is the content. */
export const CONTENT_TYPE = { text: 1, image: 2 } as const;
/** 0 new, 1 read. */
export const STATUS = { new: 0, read: 1 } as const;

/** Highest `sid` and `application_id`: 32 bits. */
export const MAX_NUMBER = 4_294_967_295;

/** Members stand in the order in which they are written. Times are RFC 3339, UTC, with milliseconds. */
export interface ConversationObject {
  readonly id: number;
  /** The application id in decimal. */
  readonly session_channel: string;
  readonly application_id: number;
  readonly create_at: string;
  readonly update_at: string;
}

export interface MessageObject {
  readonly id: number;
  readonly session_channel: string;
  readonly content: string;
  readonly content_type: number;
  readonly sender_id: number;
  readonly status: number;
  readonly read: boolean;
  readonly create_at: string;
  readonly update_at: string;
}

/** Everything the server writes, but for the two bare strings of faults. */
export interface Envelope {
  readonly name: string;
  readonly ok: boolean;
  readonly result: unknown;
}

/** A missing or null member is 0. `"1"`, -1, 1.5 and numbers beyond 2^53 - 1 are wrong types. */
const number = z
  .number()
  .refine((value) => Number.isSafeInteger(value) && value >= 0)
  .nullish()
  .transform((value) => value ?? 0);

/** A missing or null member is "". */
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');

/** Never wrong, whatever stands there: what is not 2 is text. */
const contentType = z
  .unknown()
  .optional()
  .transform((value) => (value === CONTENT_TYPE.image ? CONTENT_TYPE.image : CONTENT_TYPE.text));

export const addConversationArgs = z.object({ user_id: number, application_id: number });
export const userArgs = z.object({ user_id: number });
export const executorArgs = z.object({ executor_id: number });
export const getMessageListArgs = z.object({ session_channel: text, executor_id: number });
export const sendMessageArgs = z.object({
  session_channel: text,
  sender_id: number,
  content: text,
  content_type: contentType,
});
/** `session_channel` is in the document's example and is not looked at. */
export const readMessageArgs = z.object({ executor_id: number, message_id: number });
