import type { ImageStore } from './image-store.js';
import { MediaMemory } from './media-memory.js';
import type { RemoteImages } from './remote-images.js';

/** What all calls of the image worker share. */
export class ImageParts {
  readonly memory = new MediaMemory();

  constructor(
    readonly remote: RemoteImages,
    /** Undefined: this gateway keeps no files, so no answer is by a link of ours. */
    readonly store: ImageStore | undefined,
  ) {}
}
