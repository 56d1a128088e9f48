import { type Bindings, fillIn, type Json, match, playTranscript, type TranscriptDriver } from './transcript.ts';

const matching = (expected: Json, actual: Json, bindings: Bindings = new Map()) => match(expected, actual, bindings);

describe('an expected frame', () => {
  it.each<[Json, Json]>([
    [
      { a: 1, b: [true, null] },
      { b: [true, null], a: 1 },
    ],
    ['<any>', { whatever: 1 }],
    [
      { a: '<number>', '...': true },
      { a: 5, b: 6 },
    ],
    ['<time>', '2026-11-20T12:00:00.123Z'],
    ['<uuid>', '5b0e6d9f-2f4c-4a77-9a35-7c1f0e2d3c04'],
    ['<digits>', '123'],
    [{ args: { $json: { id: '<id>' } } }, { args: '{"id":7}' }],
    [{ $anyOrder: [{ id: 1 }, '<other>'] }, [{ id: 2 }, { id: 1 }]],
    ['no placeholder < here >', 'no placeholder < here >'],
  ])('%j fits %j', (expected, actual) => {
    expect(matching(expected, actual)).toBeNull();
  });

  it.each<[Json, Json, string]>([
    [{ a: 1 }, { a: 2 }, '$.a: 2 instead of 1'],
    [{ a: 1 }, {}, '$.a: is missing'],
    [{ a: 1 }, { a: 1, b: 2 }, '$.b: is not expected'],
    [[1, 2], [1], '$: 1 elements instead of 2'],
    [{ a: [{ b: '<number>' }] }, { a: [{ b: '5' }] }, '$.a[0].b: "5" instead of "<number>"'],
    [['<id>', '<id>'], [1, 2], '$[1]: <id> was 1, now 2'],
    [{ $json: { a: 1 } }, '{"a":2}', '$(json).a: 2 instead of 1'],
    [{ $json: 1 }, 'no json', '$: holds no JSON: "no json"'],
    [{ $anyOrder: [1, 2] }, [1, 3], '$: nothing like 2 among [3]'],
    [0, null, '$: null instead of 0'],
    [{ a: 1 }, [1], '$: [1] instead of {"a":1}'],
    ['text', 'other', '$: "other" instead of "text"'],
  ])('%j does not fit %j', (expected, actual, difference) => {
    expect(matching(expected, actual)).toBe(difference);
  });

  it('binds on first sight, for frames that come and frames that go, inside texts too', () => {
    const bindings: Bindings = new Map();
    expect(
      match({ id: '<message-1>', text: 'Room <room> is full' }, { id: 17, text: 'Room 5 is full' }, bindings),
    ).toBeNull();
    expect(match({ reply: '<message-1>' }, { reply: 17 }, bindings)).toBeNull();
    expect(match('again <room>', 'again 6', bindings)).not.toBeNull();
    expect(fillIn({ id: '<message-1>', to: '/rooms/<room>', args: { $json: ['<message-1>'] } }, bindings)).toEqual({
      id: 17,
      to: '/rooms/5',
      args: '[17]',
    });
    expect(() => fillIn('<unknown>', bindings)).toThrow('nothing has bound <unknown>');
  });

  it('binds nothing when it does not fit', () => {
    const bindings: Bindings = new Map();
    expect(match({ a: '<a>', b: 1 }, { a: 1, b: 2 }, bindings)).not.toBeNull();
    expect(bindings.size).toBe(0);
  });
});

describe('playing a transcript', () => {
  /** Everybody gets what anybody sends, with a number. */
  function createEcho(): TranscriptDriver & { done: unknown[] } {
    const queues = new Map<string, Json[]>([
      ['alice', []],
      ['bob', []],
    ]);
    let count = 0;
    const done: unknown[] = [];
    return {
      done,
      send(_person, frame) {
        count += 1;
        for (const queue of queues.values()) queue.push({ id: count, frame });
      },
      async receive(person) {
        const frame = queues.get(person)?.shift();
        if (frame === undefined) throw new Error(`${person} got nothing`);
        return frame;
      },
      pending: async (person) => queues.get(person) ?? [],
      closed: async () => ({ code: 1001 }),
      do: (step) => void done.push(step),
    };
  }

  const echo = (steps: Parameters<typeof playTranscript>[0]['steps'], driver = createEcho()) =>
    playTranscript({ title: 'Echo', source: 'nowhere', steps }, driver);

  it('goes through all kinds of steps', async () => {
    const driver = createEcho();
    await echo(
      [
        { as: 'alice', send: 'one' },
        { as: 'bob', expect: { id: '<first>', frame: 'one' } },
        { as: 'bob', send: { about: '<first>' } },
        {
          as: 'alice',
          expectAll: [
            { id: 2, frame: { about: 1 } },
            { id: '<first>', frame: 'one' },
          ],
        },
        { as: 'alice', expectNothing: true },
        { do: 'advance', ms: 10 },
        { as: 'alice', expectClose: { code: 1001 } },
      ],
      driver,
    );
    expect(driver.done).toEqual([{ do: 'advance', ms: 10 }]);
  });

  it('says which step failed, where, and what stood there', async () => {
    const steps = [
      { as: 'alice', send: 'one' },
      { as: 'bob', expect: { id: 1, frame: 'two' } },
    ];
    await expect(echo(steps)).rejects.toThrow(/^Echo \(nowhere\), step 2: \$\.frame: "one" instead of "two"/);
    await expect(
      echo([
        { as: 'alice', send: 'one' },
        { as: 'bob', expectNothing: true },
      ]),
    ).rejects.toThrow('step 2: bob got');
    await expect(echo([{ as: 'bob', expect: 'x' }])).rejects.toThrow('step 1: bob got nothing');
  });
});
