import type { LogEvent } from '../events.ts';
import type { ConversationId, SpaceId, UserId } from '../ids.ts';
import type { Memberships, SpaceView } from '../lookup.ts';
import { createMembers } from './members.ts';
import { createRecorder } from './recorder.ts';

const alice = 1 as UserId;
const bob = 2 as UserId;
const room = 10 as ConversationId;
const hall = 11 as ConversationId;
const queue = 20 as SpaceId;
const workspace = 21 as SpaceId;

type Answer = { head: number; memberships: Map<UserId, Memberships> };

/** Members over a store that answers when the test says so. */
function setUp() {
  let position = 0;
  const recorder = createRecorder();
  const asked: { ids: readonly UserId[]; answer: (answer: Answer) => void }[] = [];
  const members = createMembers({
    store: { membershipsOf: (ids) => new Promise((resolve) => asked.push({ ids, answer: resolve })) },
    recorder,
    position: () => position,
    spaceView: (id) => ({ space: { kind: id === queue ? 'queue' : 'workspace' } }) as SpaceView,
    ensureSpaces: async () => undefined,
  });
  return {
    members,
    asked,
    apply(event: LogEvent) {
      position = event.position;
      recorder.note(event);
      members.apply(event);
    },
  };
}

const belongs = (conversationIds: ConversationId[], spaces: [SpaceId, 'staff' | 'user'][] = []): Memberships => ({
  conversationIds: new Set(conversationIds),
  spaces: new Map(spaces),
});

const nothingElse = { spaceId: null, userIds: [] };
const joined = (position: number, conversationId: ConversationId, userId: UserId) =>
  ({
    type: 'participant.joined',
    position,
    conversationId,
    participant: { userId },
    ...nothingElse,
  }) as unknown as LogEvent;
const left = (position: number, conversationId: ConversationId, userId: UserId) =>
  ({
    type: 'participant.left',
    position,
    conversationId,
    participant: { userId },
    ...nothingElse,
  }) as unknown as LogEvent;
const sent = (conversationId: ConversationId, spaceId: SpaceId | null = null) =>
  ({ type: 'message.sent', position: 1, conversationId, spaceId, userIds: [] }) as unknown as LogEvent;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('what people belong to', () => {
  it('is asked for once for all who come in one turn', async () => {
    const { members, asked } = setUp();
    const both = Promise.all([members.of(alice), members.of(bob), members.of(alice)]);
    await turn();
    expect(asked.map(({ ids }) => ids)).toEqual([[alice, bob]]);
    asked[0]?.answer({ head: 0, memberships: new Map([[alice, belongs([room])]]) });
    expect((await both).map(({ conversationIds }) => [...conversationIds])).toEqual([[room], [], [room]]);
  });

  it('takes in what was told while the answer was under way, and nothing twice', async () => {
    const { members, asked, apply } = setUp();
    const loading = members.of(alice);
    await turn();
    // Read at 3, when Alice had left and come back; all three are heard only now, and then one more.
    apply(left(2, room, alice));
    apply(joined(4, hall, alice));
    asked[0]?.answer({ head: 3, memberships: new Map([[alice, belongs([room])]]) });
    const { conversationIds } = await loading;
    expect([...conversationIds]).toEqual([room, hall]);
  });

  it('passes over what it knows already and hears late', async () => {
    const { members, asked, apply } = setUp();
    const loading = members.of(alice);
    await turn();
    asked[0]?.answer({ head: 5, memberships: new Map([[alice, belongs([room])]]) });
    const { conversationIds } = await loading;
    apply(left(3, room, alice));
    apply(joined(4, hall, alice));
    expect([...conversationIds]).toEqual([room]);
    apply(left(6, room, alice));
    expect([...conversationIds]).toEqual([]);
  });
});

describe('what concerns this node', () => {
  async function given(memberships: Memberships) {
    const test = setUp();
    const loading = test.members.of(alice);
    await turn();
    test.asked[0]?.answer({ head: 0, memberships: new Map([[alice, memberships]]) });
    await loading;
    return test;
  }

  it('is a conversation in which somebody here takes part, until the last one has gone', async () => {
    const { members } = await given(belongs([room]));
    expect([members.concerns(sent(room)), members.concerns(sent(hall))]).toEqual([true, false]);
    members.release(alice);
    expect(members.concerns(sent(room))).toBe(false);
  });

  it('is every conversation of a queue whose staff is here, and not of a workspace', async () => {
    const { members } = await given(
      belongs(
        [],
        [
          [queue, 'staff'],
          [workspace, 'user'],
        ],
      ),
    );
    expect([members.concerns(sent(room, queue)), members.concerns(sent(hall, workspace))]).toEqual([true, false]);
  });

  it('is a conversation that somebody here is just joining', async () => {
    const { members } = await given(belongs([]));
    expect(members.concerns(joined(1, hall, alice))).toBe(true);
    expect(members.concerns(joined(1, hall, bob))).toBe(false);
  });
});
