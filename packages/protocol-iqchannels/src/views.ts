/**
 * Domain objects in this wire's dress, for replies and events alike, with everything they refer to: a builder collects `Rels` by
 * recursion, each object once, and notes what it would have to load. No I/O. Wire: PROTOCOL.md, "Objects", "Rels".
 */
import type {
  ConversationView,
  FileId,
  Lookup,
  Message,
  MessageId,
  Participant,
  SpaceId,
  UserId,
} from '@switchboard/core';
import { type Facts, isNothing, type Needs, noNeeds } from './facts.ts';
import type { IqchannelsOptions } from './options.ts';
import { toChannel, toChat, toInbox, toMember, toThread } from './views/chats.ts';
import { toFile, toFileId } from './views/files.ts';
import { toInfoRequest, toMessage, toNotice, toRating } from './views/messages.ts';
import { toClient, toUser } from './views/people.ts';
import type { Author, RelsLists, RelsObject } from './wire/objects.ts';

/** Through whose eyes an object is written. */
export interface Reader {
  /** Null: an operator of whom nothing that is shown tells (no part in the chat, no message of its own). */
  readonly userId: UserId | null;
  readonly part: 'client' | 'operator';
  /** Its clients render HTML: text of other wires is made harmless. */
  readonly isHtml: boolean;
  /** Of an admin who looks at somebody else's inbox: the channels that count. */
  readonly spaceIds: ReadonlySet<SpaceId> | null;
}

export interface ViewContext {
  readonly lookup: Lookup;
  readonly facts: Facts;
  readonly options: Pick<IqchannelsOptions, 'namespace' | 'escapeForeignText'>;
  now(): number;
}

export interface Builder extends ViewContext {
  readonly reader: Reader;
  readonly needs: Needs;
  /** Puts an object into `Rels`, and what it refers to. Unknown and invisible ones are left out; the id comes back either way. */
  channel(id: SpaceId): number;
  client(id: UserId): number;
  user(id: UserId): number;
  chat(id: ConversationView['conversation']['id']): number;
  member(participant: Participant): number;
  thread(participant: Participant): number;
  inbox(userId: UserId): number;
  message(id: MessageId): number;
  /** One that is at hand. */
  theMessage(message: Message): number;
  /** The notice, or the question, that a message carries under its own id. */
  attached(message: Message): void;
  file(id: FileId, actor: Author): string;
  view(id: ConversationView['conversation']['id']): ConversationView | undefined;
  rels(): RelsObject;
}

export function createBuilder(context: ViewContext, reader: Reader): Builder {
  const { lookup, facts } = context;
  const needs = noNeeds();
  const lists: { [List in keyof RelsLists]: Map<number | string, RelsLists[List] | null> } = {
    Channels: new Map(),
    Clients: new Map(),
    Chats: new Map(),
    ChatMembers: new Map(),
    ChatMessages: new Map(),
    ChatNotices: new Map(),
    ChatInboxes: new Map(),
    ChatInboxThreads: new Map(),
    Files: new Map(),
    Users: new Map(),
    Ratings: new Map(),
    RatingPolls: new Map(),
    InfoRequests: new Map(),
  };
  const isOperator = reader.part === 'operator';

  /** The place is taken before the object is made: objects refer to each other. */
  function put<List extends keyof RelsLists>(
    list: List,
    id: number | string,
    make: () => RelsLists[List] | null,
  ): void {
    const made = lists[list] as Map<number | string, RelsLists[List] | null>;
    if (made.has(id)) return;
    made.set(id, null);
    made.set(id, make());
  }

  const builder: Builder = {
    ...context,
    reader,
    needs,

    view(id) {
      const view = lookup.conversation(id);
      if (!view) needs.conversations.add(id);
      return view;
    },

    channel(id) {
      put('Channels', id, () => {
        const view = lookup.space(id);
        if (!view) needs.spaces.add(id);
        return view ? toChannel(builder, view) : null;
      });
      return id;
    },

    client(id) {
      if (!isOperator && id !== reader.userId) return id;
      put('Clients', id, () => {
        const user = lookup.user(id);
        if (!user) needs.users.add(id);
        return user ? toClient(builder, user) : null;
      });
      return id;
    },

    user(id) {
      put('Users', id, () => {
        const user = lookup.user(id);
        if (!user) needs.users.add(id);
        return user ? toUser(builder, user) : null;
      });
      return id;
    },

    chat(id) {
      put('Chats', id, () => {
        const view = builder.view(id);
        return view ? toChat(builder, view, !isOperator) : null;
      });
      return id;
    },

    member(participant) {
      if (isOperator) put('ChatMembers', participant.id, () => toMember(builder, participant));
      return participant.id;
    },

    thread(participant) {
      if (isOperator) put('ChatInboxThreads', participant.id, () => toThread(builder, participant));
      return participant.id;
    },

    inbox(userId) {
      if (isOperator) put('ChatInboxes', userId, () => toInbox(builder, userId));
      return userId;
    },

    message(id) {
      if (lists.ChatMessages.has(id)) return id;
      const message = facts.message(id);
      if (message === undefined) needs.messages.add(id);
      if (message) builder.theMessage(message);
      return id;
    },

    theMessage(message) {
      if (!isOperator && message.visibility !== 'all') return message.id;
      put('ChatMessages', message.id, () => {
        return toMessage(builder, message);
      });
      return message.id;
    },

    attached(message) {
      const { id, kind, prompt } = message;
      if (kind === 'notice' && isOperator) put('ChatNotices', id, () => toNotice(builder, message));
      if (prompt?.kind === 'rating') put('Ratings', id, () => toRating(builder, message));
      if (prompt?.kind === 'form') put('InfoRequests', id, () => toInfoRequest(builder, message));
    },

    file(id, actor) {
      const file = facts.file(id);
      if (file === undefined) needs.files.add(id);
      if (!file) return id;
      put('Files', id, () => toFile(builder, file, actor));
      return toFileId(file);
    },

    rels() {
      const rels: Record<string, unknown[]> = {};
      for (const [name, made] of Object.entries(lists)) {
        const objects = [...made.values()].filter((object) => object !== null);
        if (objects.length > 0) rels[name] = objects;
      }
      return rels as RelsObject;
    },
  };
  return builder;
}

/** What was built, or what must be loaded first. */
export type Built<T> = { readonly value: T; readonly rels: RelsObject } | { readonly needs: Needs };

/** Rounds of loading: one object refers to the next. */
const MOST_ROUNDS = 12;

export interface Views {
  /** From what is here. */
  tryBuild<T>(reader: Reader, make: (builder: Builder) => T): Built<T>;
  /** The same; what is not here is left out. */
  force<T>(reader: Reader, make: (builder: Builder) => T): { readonly value: T; readonly rels: RelsObject };
  /** Loads what is missing. What cannot be had is left out. */
  build<T>(reader: Reader, make: (builder: Builder) => T): Promise<{ readonly value: T; readonly rels: RelsObject }>;
}

export function createViews(context: ViewContext): Views {
  function tryBuild<T>(reader: Reader, make: (builder: Builder) => T): Built<T> {
    const builder = createBuilder(context, reader);
    const value = make(builder);
    return isNothing(builder.needs) ? { value, rels: builder.rels() } : { needs: builder.needs };
  }

  return {
    tryBuild,
    force(reader, make) {
      const builder = createBuilder(context, reader);
      return { value: make(builder), rels: builder.rels() };
    },
    async build(reader, make) {
      for (let round = 1; ; round += 1) {
        const builder = createBuilder(context, reader);
        const value = make(builder);
        if (isNothing(builder.needs) || round === MOST_ROUNDS) return { value, rels: builder.rels() };
        await context.facts.load(builder.needs);
      }
    },
  };
}
