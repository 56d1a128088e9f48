import type { DeliveredEvent } from '@switchboard/core';
import { createFakeCore, createTestConnection, endOfTurn, type FakeCore, sent } from '../test/fakes.ts';
import type { Connection } from './connection.ts';
import { pushEvent } from './outbox.ts';
import { replay } from './replay.ts';

const text = ({ event }: DeliveredEvent) => (event.type === 'message.sent' ? event.message.text : '?');

function setUp(fake: FakeCore = createFakeCore()) {
  const connection = createTestConnection({ userId: 1, session: null });
  // As the hub would: live events go through the outbox.
  fake.core.events.subscribe({
    onEvents(batch) {
      for (const delivered of batch) {
        const { position } = delivered.event as { position: number };
        pushEvent(connection.outbox, {
          bytes: Buffer.from(`${text(delivered)} `),
          use: 'event',
          position,
          shared: false,
        });
      }
    },
    onReset: () => undefined,
  });
  /** Logged and live, as everything that happens. */
  const happen = (...positions: number[]) => {
    for (const position of positions) {
      const delivered = sent(position, String(position), [1]);
      fake.log.push(delivered);
      fake.emit(delivered);
    }
  };
  const run = (after: number, pageSize = 2) =>
    replay({
      core: fake.core,
      connection: connection as Connection,
      scope: {},
      after,
      pageSize,
      write: (events) => connection.write(Buffer.from(events.map((each) => `${text(each)} `).join(''))),
    });
  return { fake, connection, happen, run, written: () => connection.transport.writes.join('').trim() };
}

describe('replay', () => {
  it('brings the log after the cursor, page by page, and then what is live', async () => {
    const { happen, run, written, connection } = setUp();
    happen(1, 2, 3, 4, 5, 6);
    await endOfTurn();
    connection.transport.writes.length = 0;
    expect(await run(2)).toBe(6);
    happen(7);
    await endOfTurn();
    expect(written()).toBe('3 4 5 6 7');
  });

  it('has neither gap nor repeat when things happen meanwhile', async () => {
    const { fake, happen, run, written, connection } = setUp();
    happen(1, 2, 3);
    await endOfTurn();
    connection.transport.writes.length = 0;
    const read = fake.core.events.replay;
    let next = 4;
    Object.assign(fake.core.events, {
      // Before and after every page something happens: half of it is in the page, half comes live behind it.
      replay: async (...args: Parameters<typeof read>) => {
        if (next < 12) happen(next++);
        const page = await read(...args);
        if (next < 12) happen(next++);
        return page;
      },
    });
    await run(0);
    happen(next);
    await endOfTurn();
    expect(written()).toBe(Array.from({ length: next }, (_, at) => at + 1).join(' '));
  });

  it('leaves out what its viewer could not see, and what it did not ask for', async () => {
    const { fake, run, written } = setUp();
    fake.log.push(sent(1, 'mine', [1]), sent(2, 'foreign', [2]), sent(3, 'mine too', [1, 2]));
    await run(0);
    await endOfTurn();
    expect(written()).toBe('mine mine too');
  });

  it('reads no further than its reader takes', async () => {
    const { fake, happen, run, connection } = setUp();
    happen(1, 2, 3, 4, 5, 6, 7, 8);
    await endOfTurn();
    let pages = 0;
    const read = fake.core.events.replay;
    Object.assign(fake.core.events, {
      replay: async (...args: Parameters<typeof read>) => {
        pages += 1;
        await endOfTurn();
        return read(...args);
      },
    });
    connection.transport.isFull = true;
    const done = run(0);
    for (let turn = 0; turn < 10; turn += 1) await endOfTurn();
    expect(pages).toBeLessThan(4);
    connection.transport.drain();
    await done;
    expect(pages).toBeGreaterThanOrEqual(4);
  });

  it('stops when its connection ends', async () => {
    const { happen, run, connection } = setUp();
    happen(1, 2, 3);
    connection.close('normal');
    expect(await run(0)).toBe(0);
  });

  it('lets live events pass when the log cannot be read', async () => {
    const { fake, happen, run, written } = setUp();
    Object.assign(fake.core.events, { replay: () => Promise.reject(new Error('away')) });
    await expect(run(0)).rejects.toThrow('away');
    happen(1);
    await endOfTurn();
    expect(written()).toBe('1');
  });
});
