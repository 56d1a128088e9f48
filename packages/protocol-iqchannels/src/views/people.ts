/** People: as the client of a chat, or as an operator, which are parts and no kinds. */
import type { Session, User } from '@switchboard/core';
import type { Builder } from '../views.ts';
import type { ClientObject, ClientSessionObject, MultiChatsInfoObject, UserObject } from '../wire/objects.ts';
import { avatarOf } from './files.ts';

interface Seen {
  readonly online: boolean;
  readonly lastSeenAt: number | null;
}

function seen(builder: Builder, user: User): Seen {
  const now = builder.now();
  // Whoever asks is here.
  if (user.id === builder.reader.userId) return { online: true, lastSeenAt: now };
  const presence = builder.facts.presence(user.id);
  if (!presence) {
    builder.needs.presence.add(user.id);
    return { online: false, lastSeenAt: user.lastSeenAt };
  }
  return presence.online
    ? { online: true, lastSeenAt: now }
    : { online: false, lastSeenAt: presence.lastSeenAt ?? user.lastSeenAt };
}

export function toClient(builder: Builder, user: User, info: MultiChatsInfoObject | null = null): ClientObject {
  const integrationId = user.identities[builder.options.namespace] ?? null;
  const { online, lastSeenAt } = seen(builder, user);
  return {
    Id: user.id,
    Type: integrationId === null ? 'anonymous' : 'integrated',
    Name: user.displayName,
    Online: online,
    IntegrationId: integrationId,
    TelegramId: null,
    CreatedAt: user.createdAt,
    UpdatedAt: user.updatedAt,
    LastSeenAt: lastSeenAt,
    ProjectId: 1,
    PersonalManagerId: null,
    PersonalManagerGroupId: null,
    MultiChatsInfo: info,
  };
}

/** Clients are shown no e-mail address, and no name but the public one. */
export function toUser(builder: Builder, user: User): UserObject {
  const { online, lastSeenAt } = seen(builder, user);
  const isOperator = builder.reader.part === 'operator';
  const email = isOperator ? builder.facts.email(user.id) : '';
  if (email === undefined) builder.needs.emails.add(user.id);
  return {
    Id: user.id,
    Name: user.displayName,
    DisplayName: user.displayName,
    Email: email ?? '',
    Online: online,
    Deleted: user.deletedAt !== null,
    AvatarId: avatarOf(builder, user),
    CreatedAt: user.createdAt,
    LoggedInAt: null,
    LastSeenAt: lastSeenAt,
  };
}

export function toClientSession(session: Session, token: string): ClientSessionObject {
  return {
    Id: session.id,
    ClientId: session.userId,
    Token: token,
    Integration: session.claims.integration === true,
    CreatedAt: session.createdAt,
    IntegrationHash: '',
    IntegrationCredentials: '',
  };
}

export function toMultiChatsInfo(channelName: string): MultiChatsInfoObject {
  return {
    ChannelName: channelName,
    ChannelIconColor: null,
    EnableForPersonalManagers: false,
    EnableChat: true,
    PersonalManagerName: '',
    ChannelType: '',
  };
}
