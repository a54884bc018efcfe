import type { FileHandle } from 'node:fs/promises';
import { disableTypes, imageSize, types } from 'image-size';

/** Width and height in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** A JPEG may have its size behind a preview, a profile and an edit history. */
const headerBytes = 1024 * 1024;

// Only what is taken here: each reader of a format is code that strangers' bytes run through.
const read = new Set(['png', 'jpg', 'webp', 'gif']);
disableTypes(types.filter((type) => !read.has(type)));

/** As its header says, nothing is decoded; undefined when the header says nothing that can be read. */
export async function imageSizeOf(file: FileHandle, bytes: number): Promise<ImageSize | undefined> {
  const header = Buffer.alloc(Math.min(bytes, headerBytes));
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const size = sizeIn(header.subarray(0, bytesRead));
  return size && size.width > 0 && size.height > 0 ? size : undefined;
}

function sizeIn(header: Buffer): ImageSize | undefined {
  try {
    const { width, height } = imageSize(header);
    return { width, height };
  } catch {
    // The library throws plain errors at a header that is none, and at its own slips beyond the end: both say the same.
    return undefined;
  }
}
