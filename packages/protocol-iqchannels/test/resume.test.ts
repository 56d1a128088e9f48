import { adminActor } from '@switchboard/core';
import { createTestHost } from '@switchboard/testing';
import { createIqchannelsAdapter } from '../src/index.ts';
import { type IqClient, type IqEvent, type IqStream, openEvents } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;

beforeEach(async () => {
  desk = await createDesk();
});

afterEach(() => desk.close());

/**
 * What of an event must be the same live and replayed: everything but what is as it is now, the objects and the number of the chat's session.
 */
function facts({ Messages: _messages, SessionId, ...event }: IqEvent) {
  return event.MessageId === null ? event : { ...event, SessionId };
}

function stored(stream: IqStream) {
  return stream.events.filter(({ Transitive }) => !Transitive).map(facts);
}

interface Listened {
  readonly name: string;
  readonly client: IqClient;
  readonly path: string;
  readonly stream: IqStream;
}

async function listen(name: string, client: IqClient, path: string): Promise<Listened> {
  return { name, client, path, stream: await client.events(path) };
}

/** Everything that this wire tells, several times over, with memberships that begin and end in between. */
async function play(dave: IqClient, erin: IqClient, carol: IqClient): Promise<number> {
  const say = (text: string, localId: number) =>
    carol.ask('/chats/channel/send/support', { LocalId: localId, Payload: 'text', Text: text });
  const first = await say('one', 1);
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`, {});
  const id = chat.Id as number;
  await dave.ask(`/chats/join/${id}`);
  await dave.ask('/chats/messages/received', [first]);
  await dave.ask('/chats/messages/read', [first]);
  const reply = await dave.ask(`/chats/send/${id}`, { LocalId: 1, Payload: 'text', Text: 'two' });
  await carol.ask('/chats/messages/read', [reply]);
  await dave.ask(`/chats/invite/${id}`, { UserId: desk.erin.id });
  await say('three', 2);
  await dave.ask(`/chats/assign/${id}`, { UserId: desk.erin.id });
  await dave.ask(`/chats/leave/${id}`);
  await say('four, without dave', 3);
  await erin.ask(`/chats/transfer/${id}`, { UserId: desk.dave.id });
  await say('five, without erin', 4);
  await dave.ask(`/chats/close/${id}`);
  await say('six, with nobody', 5);
  await erin.ask(`/chats/send/${id}`, { LocalId: 2, Payload: 'text', Text: 'seven' });
  const { core } = desk;
  const actor = desk.test.actor(desk.erin, { namespace: 'other', via: 'other' });
  const { message } = await core.messages.send(actor, { conversationId: chat.Id, text: 'eight' });
  await core.messages.edit(actor, { messageId: message.id, text: 'eight and a half' });
  await core.messages.remove(actor, { messageId: message.id, scope: 'all' });
  await core.conversations.removeParticipants(adminActor(), chat.Id, [desk.erin.id]);
  await dave.ask(`/chats/close/${id}`);
  return id;
}

it('tells a stream that comes back, wherever it was cut, what a live one was told', async () => {
  const [dave, erin, carol] = [
    await desk.operator(desk.dave),
    await desk.operator(desk.erin),
    await desk.client('carol'),
  ];
  const listened = [
    await listen('channel', dave, `/sse/chats/events/listen_to_channel/${desk.queue.id}`),
    await listen('dave', dave, `/sse/chats/events/listen_to_user/${desk.dave.id}`),
    await listen('erin', erin, `/sse/chats/events/listen_to_user/${desk.erin.id}`),
    await listen('dave over erin', dave, `/sse/chats/events/listen_to_user/${desk.erin.id}`),
    await listen('client', carol, '/sse/chats/channel/events/support?ChatType=regular'),
  ];
  const id = await play(dave, erin, carol);
  const channel = listened[0]?.stream as IqStream;
  const isLast = ({ Type }: IqEvent) => Type === 'chat_closed';
  await channel.until('both closings', ({ events }) => events.filter(isLast).length === 2);
  const mark = await carol.ask('/chats/channel/send/support', { LocalId: 99, Payload: 'text', Text: 'the end' });
  await Promise.all(
    listened
      .filter(({ name }) => name === 'channel' || name === 'client')
      .map(({ stream }) => stream.event('the end', ({ MessageId }) => MessageId === mark)),
  );
  await dave.ask(`/chats/join/${id}`);
  await erin.ask(`/chats/join/${id}`);
  for (const { stream, name } of listened.slice(1, 4)) {
    const threads = name === 'dave' ? 2 : 2;
    await stream.until(`the last joining of ${name}`, ({ events }) => {
      const opened = events.filter(({ Type }) => Type === 'thread_opened' || Type === 'thread_created');
      return opened.length >= threads && events.at(-1)?.Type !== 'thread_opened' && stream.events.length > 0;
    });
  }
  await desk.test.settled();
  // One more thing for everybody, so that all streams have come to the same end.
  const last = await carol.ask('/chats/channel/send/support', { LocalId: 100, Payload: 'text', Text: 'now' });
  await Promise.all(
    listened.map(({ stream, name }) =>
      stream.until(`the message at the end of ${name}`, ({ events }) => {
        const at = events.findIndex(({ MessageId, Type }) => MessageId === last && Type === 'message_created');
        return (
          at !== -1 &&
          events.slice(at).some(({ Type }) => Type === (name === 'client' ? 'message_created' : 'chat_changed'))
        );
      }),
    ),
  );

  for (const { name, client, path, stream } of listened) {
    const live = stored(stream);
    expect(live.length).toBeGreaterThan(name === 'client' ? 8 : 15);
    const ids = live.map(({ Id }) => Id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const cuts = [1, ...ids.slice(0, -1)];
    for (const cut of cuts) {
      const expected = live.filter(({ Id }) => Id > cut);
      const again = await client.events(`${path}${path.includes('?') ? '&' : '?'}FromId=${cut}`);
      await again.until(`the replay of ${name} after ${cut}`, ({ lastId }) => lastId >= (ids.at(-1) as number));
      expect({ name, cut, events: stored(again) }).toEqual({ name, cut, events: expected });
      again.cut();
    }
  }
});

it('goes on without gap or repeat, on another node and while much is being written', async () => {
  const [dave, carol] = [await desk.operator(desk.dave), await desk.client('carol')];
  const other = await desk.test.another({});
  const elsewhere = await createTestHost(other, createIqchannelsAdapter());
  try {
    const path = `/sse/chats/events/listen_to_channel/${desk.queue.id}`;
    const whole = await dave.events(path);
    const writing = (async () => {
      for (let at = 1; at <= 60; at += 1) {
        await carol.ask('/chats/channel/send/support', { LocalId: at, Payload: 'text', Text: `message ${at}` });
      }
    })();
    const seen: IqEvent[] = [];
    let cursor = 1;
    for (let round = 0; round < 12; round += 1) {
      const base = round % 2 === 0 ? desk.apis.operator : `${elsewhere.url}/api/v1`;
      const stream = await openEvents(`${base}${path}?FromId=${cursor}`, dave.headers);
      await stream.until('something more', ({ events }) => events.length >= 8 || seen.length + events.length >= 150);
      seen.push(...stream.events);
      cursor = Math.max(cursor, stream.lastId);
      stream.cut();
      if (seen.filter(({ Type }) => Type === 'message_created').length >= 60) break;
    }
    await writing;
    await whole.until(
      'all messages',
      ({ events }) => events.filter(({ Type }) => Type === 'message_created').length === 60,
    );
    const rest = await openEvents(`${desk.apis.operator}${path}?FromId=${cursor}`, dave.headers);
    const end = whole.lastId;
    if (cursor < end) await rest.until('the end', ({ lastId }) => lastId >= end);
    seen.push(...rest.events);
    expect(seen.map(facts)).toEqual(stored(whole));
  } finally {
    await elsewhere.close();
  }
});
