/** The three sizes of pictures on this wire, made with sharp. Never larger than the original; the first picture of an animation. */

import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { DomainError } from '@switchboard/core';
import sharp from 'sharp';

export const SIZES = {
  avatar: { width: 168, height: 168, fit: 'cover' },
  thumbnail: { width: 128, height: 128, fit: 'inside' },
  preview: { width: 470, height: 470, fit: 'inside' },
} as const;

/** Decompressed, a small file may be a very large picture. */
const MOST_PIXELS = 50_000_000;
const MOST_BYTES = 32 * 1024 * 1024;

/** WebP bytes. Throws for what is no picture, or too large a one. */
export async function scale(content: Readable, size: keyof typeof SIZES): Promise<Buffer> {
  const bytes = await buffer(limited(content));
  return sharp(bytes, { limitInputPixels: MOST_PIXELS, failOn: 'error', animated: false })
    .rotate()
    .resize({ ...SIZES[size], withoutEnlargement: true })
    .webp({ quality: 82 })
    .toBuffer();
}

async function* limited(content: Readable): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const piece of content) {
    size += (piece as Buffer).length;
    if (size > MOST_BYTES) throw new DomainError('too_large', 'a picture too large to scale', { subject: 'file' });
    yield piece as Buffer;
  }
}
