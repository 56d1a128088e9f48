/** What all views build on: ids and times as this wire writes them, who is in a place, and whether somebody is there. */
import type { Conversation, Lookup, Participant, UnixMs, User, UserId } from '@switchboard/core';
import type { NetaloOptions } from '../options.ts';
import {
  GROUP_TYPE,
  type GroupType,
  MAX_UIN,
  NONE,
  ONLINE_STATUS,
  type UserStatusObject,
  type WireId,
  type WrittenId,
} from '../wire.ts';

/** A conversation with everybody who takes part or ever did. */
export interface Place {
  readonly conversation: Conversation;
  readonly participants: ReadonlyMap<UserId, Participant>;
}

export interface Status {
  readonly online: boolean;
  readonly lastSeenAt: UnixMs | null;
}

export const UNKNOWN_STATUS: Status = { online: false, lastSeenAt: null };

/** What the views of the objects build on. */
export interface BasicViews {
  readonly options: NetaloOptions;
  /** An id as the deployment writes ids. */
  id(value: number | WireId | null): WrittenId;
  uin(userId: UserId | null): WrittenId;
  /** The same as digits, whatever the deployment writes. */
  uinDigits(userId: UserId | null): WireId;
  uins(userIds: Iterable<UserId>): WrittenId[];
  user(userId: UserId): User | undefined;
  typeOf(conversation: Conversation): GroupType;
  /** What this wire keeps with a conversation, a message or a call. */
  bag(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
  status(userId: UserId, status: Status): UserStatusObject;
}

export function createBasicViews(options: NetaloOptions, lookup: Lookup): BasicViews {
  const { namespace, syntheticUins, directGroupType, idFormat } = options;

  function uinDigits(userId: UserId | null): WireId {
    if (userId === null) return NONE;
    const own = lookup.user(userId)?.identities[namespace];
    return own !== undefined && isUin(own) ? own : syntheticUins.toExternal(userId);
  }

  function id(value: number | WireId | null): WrittenId {
    if (idFormat === 'number') return Number(value ?? 0);
    return value === null ? NONE : String(value);
  }

  const uin = (userId: UserId | null) => id(uinDigits(userId));

  function bag(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const own = attributes[namespace];
    return typeof own === 'object' && own !== null ? (own as Readonly<Record<string, unknown>>) : {};
  }

  return {
    options,
    id,
    uin,
    uinDigits,
    uins: (userIds) => Array.from(userIds, uin),
    user: (userId) => lookup.user(userId),
    bag,

    typeOf({ attributes, kind }) {
      const { type } = bag(attributes);
      if (type === 1 || type === 2 || type === 3) return type;
      return kind === 'direct' ? directGroupType : GROUP_TYPE.community;
    },

    status: (userId, { online, lastSeenAt }) => ({
      uin: uin(userId),
      online_status: online ? ONLINE_STATUS.online : ONLINE_STATUS.offline,
      message_status: '',
      last_seen_at: online || lastSeenAt === null ? 0 : Math.floor(lastSeenAt / 1000),
    }),
  };
}

/** Seconds in digits. */
export function toSeconds(at: UnixMs | null): string {
  return at === null ? '0' : String(Math.floor(at / 1000));
}

/** Microseconds in digits. */
export function toMicroseconds(at: UnixMs | null): string {
  return at === null ? '0' : String(at * 1000);
}

/** Those who take part now, in the order in which they joined. */
export function occupantsOf({ participants }: Place): Participant[] {
  return inJoiningOrder([...participants.values()].filter(({ active }) => active));
}

export function inJoiningOrder(participants: Participant[]): Participant[] {
  return participants.sort((one, other) => one.joinedAt - other.joinedAt || one.id - other.id);
}

/** Two people who talk to each other alone. */
export function isPair({ kind, key }: Conversation): boolean {
  return kind === 'direct' && key !== null;
}

function isUin(digits: string): boolean {
  return /^[1-9][0-9]{0,15}$/.test(digits) && Number(digits) <= MAX_UIN;
}
