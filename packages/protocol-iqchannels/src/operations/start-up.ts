/** What widget and apps ask before anybody has signed in: versions, greetings, forms, blockers, words. Wire: PROTOCOL.md, "Start-up". */
import { DomainError, systemActor } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { anybody, type IqSession } from '../session.ts';
import { settingsOf } from '../settings.ts';
import { OP, schemas } from '../wire.ts';
import type { Access, OperationsContext } from './access.ts';
import { data, NOTHING, plain } from './answer.ts';

type Names =
  | typeof OP.audioEnabled
  | typeof OP.blocker
  | typeof OP.version
  | typeof OP.greetings
  | typeof OP.consentPage
  | typeof OP.personalDataForm
  | typeof OP.filesConfig
  | typeof OP.endAppeals
  | typeof OP.languages
  | typeof OP.badWords
  | typeof OP.logMessage;

const MEBIBYTE = 1024 * 1024;

export function createStartUp(
  { options, core, log }: OperationsContext,
  access: Access,
): Pick<Operations<Names, IqSession>, Names> {
  const settings = async (params: Readonly<Record<string, string>>) =>
    settingsOf(await access.queue(params.channel ?? ''), options.namespace);

  return {
    [OP.version]: operation({ guard: anybody, args: schemas.none, run: () => data({ Version: options.version }) }),

    [OP.greetings]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => {
        const { greeting, personalData, channelType } = await settings(params);
        return data({
          Greeting: greeting?.text ?? '',
          GreetingBold: greeting?.bold ?? '',
          PersonalDataRequestType: personalData,
          ChannelType: channelType,
        });
      },
    }),

    [OP.consentPage]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => data((await settings(params)).consentUrl),
    }),

    [OP.personalDataForm]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => {
        const { form } = await settings(params);
        return data({
          Fields: form.map(({ name, label, required, correspondingField, validationRegexp }) => ({
            Name: name,
            Label: label,
            Required: required,
            CorrespondingField: correspondingField,
            ValidationRegexp: validationRegexp,
          })),
        });
      },
    }),

    [OP.audioEnabled]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => data((await settings(params)).audioMessages),
    }),

    [OP.blocker]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => {
        const { blocker } = await settings(params);
        return data({ Enabled: blocker !== null, Text: blocker?.text ?? '', BlockerFileId: blocker?.fileId ?? '' });
      },
    }),

    [OP.filesConfig]: operation({
      guard: anybody,
      args: schemas.none,
      run: () =>
        plain({
          MaxFileSizeMb: Math.max(1, Math.floor(options.fileBytes / MEBIBYTE)),
          MaxImageHeight: null,
          MaxImageWidth: null,
          AllowedExtensions: options.allowedExtensions,
          ForbiddenExtensions: options.forbiddenExtensions,
        }),
    }),

    [OP.endAppeals]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => {
        const { endAppeals } = await settings(params);
        return data({ QuestionText: endAppeals.questionText, HasComment: endAppeals.hasComment });
      },
    }),

    [OP.languages]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, _session, { params }) => {
        const { languages } = await settings(params);
        return data({
          Languages: languages.map(({ code, name, isDefault, iconUrl }) => ({
            Code: code,
            Name: name,
            Default: isDefault,
            IconURL: iconUrl,
            icon_url: iconUrl,
          })),
        });
      },
    }),

    // The call names no channel: a word that any of them forbids is forbidden.
    [OP.badWords]: operation({
      guard: anybody,
      args: schemas.badWords,
      run: async (_core, _session, { body }) => {
        const text = (body.msgtext ?? '').toLowerCase();
        if (text !== '' && (await forbiddenWords()).some((word) => hasWord(text, word))) {
          throw new DomainError('invalid', 'a forbidden word', { field: 'MsgText', reason: 'bad_words' });
        }
        return NOTHING;
      },
    }),

    [OP.logMessage]: operation({
      guard: anybody,
      args: schemas.none,
      run: () => {
        log('debug', 'a widget reported something', { protocol: options.namespace });
        return NOTHING;
      },
    }),
  };

  async function forbiddenWords(): Promise<readonly string[]> {
    const queues = await core.spaces.list(systemActor(), { kind: 'queue', limit: 1_000 });
    return queues.flatMap((queue) => settingsOf(queue, options.namespace).badWords).map((word) => word.toLowerCase());
  }
}

/** Whole words alone. */
function hasWord(text: string, word: string): boolean {
  if (word === '') return false;
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + 1)) {
    const isPart = /[\p{L}\p{N}]/u;
    if (!isPart.test(text.charAt(at - 1)) && !isPart.test(text.charAt(at + word.length))) return true;
  }
  return false;
}
