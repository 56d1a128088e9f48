/**
 * Domain objects in this wire's dress, for replies and pushes alike. Does no I/O: whatever is not in the lookup is handed in.
 * Wire: PROTOCOL.md §4.
 */
import type { Lookup } from '@switchboard/core';
import type { NetaloOptions } from './options.ts';
import { type BasicViews, createBasicViews } from './views/basic.ts';
import { type CallViews, createCallViews } from './views/call.ts';
import { createGroupViews, type GroupViews } from './views/group.ts';
import { createMessageViews, type MessageViews } from './views/message.ts';

export interface Views extends BasicViews, MessageViews, GroupViews, CallViews {}

export function createViews(options: NetaloOptions, lookup: Lookup): Views {
  const basic = createBasicViews(options, lookup);
  const messages = createMessageViews(basic);
  return { ...basic, ...messages, ...createGroupViews(basic, messages), ...createCallViews(basic) };
}
