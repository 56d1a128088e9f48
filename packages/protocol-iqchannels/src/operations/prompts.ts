/** What a message asked a client: ratings, polls, personal data. Its id is the message's. Wire: PROTOCOL.md, "Ratings". */
import { DomainError, type JsonObject, type JsonValue, type Message, type MessageId } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { client, type IqSession, readerOf, type SignedInSession } from '../session.ts';
import { toInfoRequest, toRating } from '../views/messages.ts';
import { OP, schemas } from '../wire.ts';
import { notFound, type OperationsContext } from './access.ts';
import { type Answer, built, NOTHING } from './answer.ts';

type Names =
  | typeof OP.rate
  | typeof OP.ignoreRating
  | typeof OP.sendPoll
  | typeof OP.finishPoll
  | typeof OP.queryPoll
  | typeof OP.respondRequest
  | typeof OP.ignoreRequest;

type Kind = 'rating' | 'form';

export function createPrompts({
  core,
  views,
  facts,
  caughtUp,
}: OperationsContext): Pick<Operations<Names, IqSession>, Names> {
  /** A message of the client's own conversation that asks this. */
  async function promptOf(session: SignedInSession, id: number | undefined, kind: Kind): Promise<Message> {
    const [message] = id === undefined ? [] : await core.messages.find(session.actor, [id as MessageId]);
    if (message?.prompt?.kind !== kind) throw notFound('message');
    const conversation = await core.conversations.find(message.conversationId);
    if (conversation?.customerId !== session.actor.userId) {
      throw new DomainError('forbidden', "another client's", { subject: 'message' });
    }
    return message;
  }

  async function answer(session: SignedInSession, message: Message, change: JsonObject): Promise<Message> {
    return core.messages.update(session.actor, { messageId: message.id, what: 'prompt', prompt: change });
  }

  async function shown(session: SignedInSession, message: Message): Promise<Answer> {
    facts.learn([message]);
    await caughtUp(session.actor);
    const isRating = message.prompt?.kind === 'rating';
    return built(views, readerOf(session), (builder) =>
      isRating ? toRating(builder, message) : toInfoRequest(builder, message),
    );
  }

  return {
    [OP.rate]: operation({
      guard: client,
      args: schemas.rate,
      run: async (_core, session, { body }) => {
        const message = await promptOf(session, body.ratingid, 'rating');
        const { value, comment } = body.rating ?? {};
        if (value === undefined || value < 0 || value > 10) {
          throw new DomainError('invalid', 'no rating', { subject: 'message', field: 'Value' });
        }
        const given = { value, comment: (comment ?? '').slice(0, 4_096) };
        return shown(session, await answer(session, message, { state: 'answered', answer: given }));
      },
    }),

    [OP.ignoreRating]: operation({
      guard: client,
      args: schemas.ratingId,
      run: async (_core, session, { body }) => {
        const message = await promptOf(session, body.ratingid, 'rating');
        return shown(session, await answer(session, message, { state: 'ignored' }));
      },
    }),

    [OP.sendPoll]: operation({
      guard: client,
      args: schemas.poll,
      run: async (_core, session, { body }) => {
        const inputs = (body.ratingpollclientanswerinput ?? []).slice(0, 100);
        const id = inputs.map(({ ratingid }) => ratingid).find((one) => typeof one === 'number');
        const message = await promptOf(session, id as number | undefined, 'rating');
        await answer(session, message, { state: 'poll', answer: { inputs: inputs as JsonValue[] } });
        return NOTHING;
      },
      answers: 'after',
    }),

    [OP.finishPoll]: operation({
      guard: client,
      args: schemas.finishPoll,
      run: async (_core, session, { body }) => {
        const message = await promptOf(session, body.ratingid, 'rating');
        await answer(session, message, { state: body.rated === false ? 'ignored' : 'finished' });
        return NOTHING;
      },
      answers: 'after',
    }),

    [OP.queryPoll]: operation({ guard: client, args: schemas.none, run: () => NOTHING }),

    [OP.respondRequest]: operation({
      guard: client,
      args: schemas.infoRequest,
      run: async (_core, session, { body }) => {
        const message = await promptOf(session, body.requestid, 'form');
        const given = { consent: body.clientconsent === true, form: (body.form ?? null) as JsonValue };
        return shown(session, await answer(session, message, { state: 'answered', answer: given }));
      },
    }),

    [OP.ignoreRequest]: operation({
      guard: client,
      args: schemas.infoRequest,
      run: async (_core, session, { body }) => {
        const message = await promptOf(session, body.requestid, 'form');
        return shown(session, await answer(session, message, { state: 'ignored' }));
      },
    }),
  };
}
