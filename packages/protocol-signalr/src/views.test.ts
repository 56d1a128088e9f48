import { syntheticIdentities, withDefaults } from './options.ts';
import { createViews } from './views.ts';

describe('names of people', () => {
  it('are u and the core id, without zeros in front, and no other text is read as one', () => {
    expect(syntheticIdentities.toExternal(17)).toBe('u17');
    expect(syntheticIdentities.toCore('u17')).toBe(17);
    for (const text of ['17', 'u', 'u0', 'u017', 'U17', 'u17 ', 'user', 'u99999999999', 'u1294967296']) {
      expect(syntheticIdentities.toCore(text)).toBeNull();
    }
  });
});

describe('a message', () => {
  const views = createViews(withDefaults({}));
  const lookup = { conversation: () => undefined, space: () => undefined, user: () => undefined };
  const message = { id: 1, conversationId: 2, senderId: 3, text: '', kind: 'file', meta: {}, createdAt: 0 };
  const show = (fields: object) =>
    views.toMessage({ ...message, ...fields } as never, lookup, { seenCount: 0, isSeenByYou: false });

  it('never shows the id of a file, which is a permission', () => {
    const parts = [{ kind: 'file', name: 'a.pdf', fileId: 'secret' }];
    expect(JSON.stringify(show({ parts }))).not.toContain('secret');
    expect(show({ parts }).content).toBe('a.pdf');
  });

  it('keeps an empty content beside a bag of its own', () => {
    expect(show({ kind: 'text', parts: [], meta: { signalr: { a: 1 } } })).toMatchObject({
      content: '',
      userMeta: { a: 1 },
    });
  });

  it('says its kind where it has neither words, nor address, nor name', () => {
    expect(show({ kind: 'call', parts: [] })).toMatchObject({ content: '[call]', userMeta: null, senderId: 'u3' });
    expect(show({ kind: 'text', parts: [] }).content).toBe('');
    expect(show({ kind: 'text', parts: [], prompt: { kind: 'rating', state: 'pending' } }).content).toBe('[rating]');
  });

  it('ignores what other wires keep with it', () => {
    const parts = [{ kind: 'image', url: 'https://x/y.png' }];
    expect(show({ kind: 'image', parts, meta: { netalo: { z: 1 } } }).content).toBe('https://x/y.png');
  });
});
