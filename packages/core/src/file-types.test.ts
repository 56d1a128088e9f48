import { asSound, fileTypeOf } from './file-types.ts';

const latin = (text: string) => Buffer.from(text, 'latin1');
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** A real 1 × 1 picture. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const WEBP_LOSSLESS = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64');
/** Start, a comment of 300 bytes, fill bytes, the frame: 800 high, 1200 wide. */
const JPEG = Buffer.concat([
  hex('ffd8 fffe 012c'),
  Buffer.alloc(298),
  hex('ff ffc2 0011 08 0320 04b0 03'),
  Buffer.alloc(12),
]);
const WEBP_LOSSY = Buffer.concat([
  latin('RIFF\0\0\0\0WEBPVP8 '),
  hex('00000000 300100 9d012a 4001 f000'),
  Buffer.alloc(8),
]);
const WEBP_EXTENDED = Buffer.concat([latin('RIFF\0\0\0\0WEBPVP8X'), hex('0a000000 10000000 ff0300 ff0100')]);

describe('the type of a file', () => {
  it.each([
    ['PNG', PNG, 'image/png', 1, 1],
    ['GIF', GIF, 'image/gif', 1, 1],
    ['JPEG', JPEG, 'image/jpeg', 1200, 800],
    ['WebP, lossless', Buffer.concat([WEBP_LOSSLESS, Buffer.alloc(8)]), 'image/webp', 1, 1],
    ['WebP, lossy', WEBP_LOSSY, 'image/webp', 320, 240],
    ['WebP, extended', WEBP_EXTENDED, 'image/webp', 1024, 512],
  ])('of a picture says its size: %s', (_name, head, contentType, width, height) => {
    expect(fileTypeOf(head)).toEqual({ contentType, family: 'image', width, height });
  });

  it.each([
    ['MP3 with tags', latin('ID3\x04\0'), 'audio/mpeg', 'audio'],
    ['MP3 without', hex('fffb9064'), 'audio/mpeg', 'audio'],
    ['Ogg', latin('OggS\0\x02'), 'audio/ogg', 'audio'],
    ['WAV', latin('RIFF\x24\0\0\0WAVEfmt '), 'audio/wav', 'audio'],
    ['M4A', latin('\0\0\0\x20ftypM4A \0\0\0\0'), 'audio/mp4', 'audio'],
    ['MP4', latin('\0\0\0\x20ftypisom\0\0\x02\0'), 'video/mp4', 'video'],
    [
      'WebM',
      latin('\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm'),
      'video/webm',
      'video',
    ],
    ['PDF', latin('%PDF-1.7\n'), 'application/pdf', 'file'],
    ['ZIP', latin('PK\x03\x04\x14\0'), 'application/zip', 'file'],
  ])('is told by the first bytes: %s', (_name, head, contentType, family) => {
    expect(fileTypeOf(head)).toEqual({ contentType, family, width: null, height: null });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['markup', latin('<!doctype html><script>alert(1)</script>')],
    ['a vector picture', latin('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['text', latin('hello')],
    ['a byte order mark', hex('fffe6100')],
    ['raw AAC', hex('fff15080')],
    ['another Matroska', latin('\x1a\x45\xdf\xa3\x93B\x82\x88matroska')],
  ])('is bytes for everything else: %s', (_name, head) => {
    expect(fileTypeOf(head)).toMatchObject({ contentType: 'application/octet-stream', family: 'file' });
  });

  it('survives pictures that are cut off anywhere', () => {
    for (const picture of [PNG, GIF, JPEG, WEBP_LOSSLESS, WEBP_LOSSY, WEBP_EXTENDED]) {
      for (let length = 0; length <= picture.length; length += 1) {
        expect(() => fileTypeOf(picture.subarray(0, length))).not.toThrow();
      }
    }
  });

  it('is sound where a recording claims to be and its container allows it', () => {
    expect(asSound(fileTypeOf(latin('\x1a\x45\xdf\xa3 webm')))).toMatchObject({
      contentType: 'audio/webm',
      family: 'audio',
    });
    expect(asSound(fileTypeOf(PNG))).toMatchObject({ contentType: 'image/png', family: 'image' });
  });
});
