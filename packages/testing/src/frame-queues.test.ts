import { createFrameQueues } from './frame-queues.ts';

describe('frame queues', () => {
  it('give each person its own frames in order, those that are there and those that come', async () => {
    const queues = createFrameQueues();
    queues.push('alice', 1);
    const bobs = [queues.receive('bob'), queues.receive('bob')];
    queues.push('bob', 2);
    queues.push('bob', 3);
    queues.push('bob', 4);
    expect(await queues.receive('alice')).toBe(1);
    expect(await Promise.all(bobs)).toEqual([2, 3]);
    expect([queues.left('bob'), queues.left('alice')]).toEqual([[4], []]);
  });

  it('tell of the end, past or to come', async () => {
    const queues = createFrameQueues();
    const closed = queues.closed('alice');
    queues.end('alice', { code: 1001 });
    expect(await closed).toEqual({ code: 1001 });
    expect(await queues.closed('alice')).toEqual({ code: 1001 });
  });
});
