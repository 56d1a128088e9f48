/**
 * What a channel's own settings say to this wire's clients: `settings.<namespace>` of the queue. What is missing or unreadable is as if it
 * had not been set. Wire: PROTOCOL.md, "Settings of a channel".
 */
import type { Space } from '@switchboard/core';
import { z } from 'zod';

const text = z.string().catch('');
const flag = (fallback: boolean) => z.boolean().catch(fallback);

const greeting = z.object({
  text,
  bold: text,
  from: z.enum(['user', 'bot']).catch('user'),
  lifetimeSeconds: z.int().min(0).catch(0),
  operatorName: text,
  avatarFileId: text,
  chatTitle: text,
});

const formField = z.object({
  name: text,
  label: text,
  required: flag(false),
  correspondingField: text,
  validationRegexp: text,
});

const language = z.object({ code: text, name: text, isDefault: flag(false), iconUrl: text });

const schema = z.object({
  greeting: greeting.nullable().catch(null),
  personalData: z.enum(['none', 'default', 'full_form']).catch('none'),
  channelType: text,
  form: z.array(formField).catch([]),
  consentUrl: text,
  blocker: z.object({ text, fileId: text }).nullable().catch(null),
  audioMessages: flag(false),
  endAppeals: z.object({ questionText: text, hasComment: flag(true) }).catch({ questionText: '', hasComment: true }),
  languages: z.array(language).catch([]),
  badWords: z.array(z.string()).catch([]),
});

export type ChannelSettings = z.infer<typeof schema>;

export function settingsOf(space: Space, namespace: string): ChannelSettings {
  const own = space.settings[namespace];
  return schema.parse(typeof own === 'object' && own !== null && !Array.isArray(own) ? own : {});
}
