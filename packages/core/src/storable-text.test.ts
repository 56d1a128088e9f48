import { storableJson, storableText } from './storable-text.ts';

describe('what every store can keep', () => {
  it('leaves ordinary texts, emoji and other control characters as they are', () => {
    for (const text of ['', 'tea', 'чай ☕ 🫖', '\u0001\n\t', '\uFFFD']) expect(storableText(text)).toBe(text);
  });

  it('replaces U+0000 and unpaired surrogates, each by one U+FFFD', () => {
    expect(storableText('a\u0000b\u0000')).toBe('a\uFFFDb\uFFFD');
    expect(storableText('\uD83Dx\uDE00')).toBe('\uFFFDx\uFFFD');
    expect(storableText('\uDE00\uD83D')).toBe('\uFFFD\uFFFD');
  });

  it('reaches every text of a value, keys included', () => {
    expect(storableJson({ 'a\u0000': ['\uD800', { deep: 'x\u0000' }, 1, null, true] })).toEqual({
      'a\uFFFD': ['\uFFFD', { deep: 'x\uFFFD' }, 1, null, true],
    });
  });
});
