import sharp from 'sharp';
import type { ImageStore, StoredImage } from '../image-store.js';

/** A picture in one colour. */
export async function picture(width: number, height: number, format: 'png' | 'jpeg' | 'webp' = 'png'): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#3366cc' } })
    .toFormat(format)
    .toBuffer();
}

/** A mask whose left half is to change. */
export async function mask(side: number): Promise<Buffer> {
  const kept = await sharp({ create: { width: side / 2, height: side, channels: 4, background: '#000000ff' } })
    .png()
    .toBuffer();
  return sharp({ create: { width: side, height: side, channels: 4, background: '#00000000' } })
    .composite([{ input: kept, left: side / 2, top: 0 }])
    .png()
    .toBuffer();
}

/** Keeps images in memory. */
export class MemoryStore implements ImageStore {
  readonly images = new Map<string, StoredImage & { readonly bytes: Uint8Array }>();

  async put(bytes: Uint8Array, image: StoredImage): Promise<string> {
    const name = `image-${this.images.size + 1}`;
    this.images.set(name, { ...image, bytes: Buffer.from(bytes) });
    return name;
  }

  link(mediaUrl: string, name: string, expiresAt: Date): string {
    return `${mediaUrl}${name}?expires=${Math.floor(expiresAt.getTime() / 1000)}`;
  }
}
