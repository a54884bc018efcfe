import type { Picture } from './draw-prompt.js';

/** What pictures can be written as. */
export const imageFormats = ['png', 'jpeg', 'webp'] as const;
export type ImageFormat = (typeof imageFormats)[number];

export interface EncodeOptions {
  readonly format: ImageFormat;
  /** 0 to 100, of JPEG and WebP. */
  readonly compression: number;
}

/** A picture as a file. The library is loaded when the first one is drawn. */
export async function encodePicture({ width, height, pixels }: Picture, options: EncodeOptions): Promise<Buffer> {
  const { default: sharp } = await import('sharp');
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  const quality = Math.max(1, options.compression);
  switch (options.format) {
    case 'png':
      return image.png({ compressionLevel: 2 }).toBuffer();
    case 'jpeg':
      return image.jpeg({ quality }).toBuffer();
    case 'webp':
      return image.webp({ quality, effort: 0 }).toBuffer();
  }
}

/** An uploaded picture at another size, as pixels; rejects for what is none. */
export async function readPicture(file: Buffer, size: { width: number; height: number }): Promise<Picture> {
  const { default: sharp } = await import('sharp');
  const pixels = await sharp(file, { limitInputPixels: 100_000_000 })
    .resize(size.width, size.height, { fit: 'cover' })
    .flatten({ background: '#ffffff' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer();
  return { ...size, pixels };
}
