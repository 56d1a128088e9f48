import { branchOf, bytesOf, type Chunk, chunksOf, createRoot, forgetChildren, nextNode } from './rope.ts';

const chunk = (text: string, shared = true): Chunk => ({ bytes: Buffer.from(text), use: 'event', position: 0, shared });

describe('a rope', () => {
  const [a, b, c] = [chunk('a'), chunk('bb'), chunk('ccc')];

  it('joins the same sequence once for everybody who has it', () => {
    const root = createRoot();
    const one = nextNode(nextNode(root, a), b);
    const other = nextNode(nextNode(root, a), b);
    expect(one).toBe(other);
    expect(bytesOf(one)).toBe(bytesOf(other));
    expect(bytesOf(one).toString()).toBe('abb');
  });

  it('branches where sequences part, and finds every branch again', () => {
    const root = createRoot();
    const nodes = [a, b, c].map((each) => nextNode(root, each));
    expect(new Set(nodes).size).toBe(3);
    expect([a, b, c].map((each) => nextNode(root, each))).toEqual(nodes);
    expect(bytesOf(nextNode(nodes[0] ?? root, c)).toString()).toBe('accc');
    expect(bytesOf(nextNode(nodes[1] ?? root, c)).toString()).toBe('bbccc');
  });

  it('keeps what goes to one connection alone out of the tree', () => {
    const root = createRoot();
    const reply = chunk('reply', false);
    expect(nextNode(root, reply)).not.toBe(nextNode(root, reply));
    expect(root.lastChild).toBeNull();
  });

  it('hands out a lone chunk without copying it', () => {
    expect(bytesOf(nextNode(createRoot(), a))).toBe(a.bytes);
  });

  it('counts events and signals apart from replies', () => {
    const node = branchOf([a, { ...b, use: 'reply' }, { ...c, use: 'signal' }]);
    expect(node).toMatchObject({ totalBytes: 6, eventBytes: 4, signalBytes: 3 });
    expect(chunksOf(node ?? createRoot()).map((each) => each.bytes.toString())).toEqual(['a', 'bb', 'ccc']);
  });

  it('lets go of everybody else when a turn is over', () => {
    const root = createRoot();
    const kept = nextNode(nextNode(root, a), b);
    nextNode(nextNode(root, b), c);
    forgetChildren(root);
    expect(kept.parent?.parent).toBe(root);
    expect([root.lastChild, root.children, kept.parent?.lastChild]).toEqual([null, null, null]);
  });
});
