import { blobStoreOf } from '#libs/blobs';
import { workerApp } from '#libs/inference';
import { MediaFetcher } from '#libs/providers';
import type { AppDefinition } from '#libs/runtime';
import { EditsHandler } from './edits.handler.js';
import { GenerationsHandler } from './generations.handler.js';
import { type ImageEnvironment, imageEnvironment } from './image-environment.js';
import { ImageParts } from './image-parts.js';
import type { ImageStore } from './image-store.js';
import { BLOB_STORE, KeptImages, MEDIA_SECRET } from './kept-images.js';
import { RemoteImages } from './remote-images.js';
import { VariationsHandler } from './variations.handler.js';

/** The image worker, its images kept in `store` instead of where the environment says. */
export function imageAppWith(store: ImageStore | undefined): AppDefinition<ImageEnvironment> {
  return workerApp({
    modality: 'image',
    env: imageEnvironment,
    handlers: [GenerationsHandler, EditsHandler, VariationsHandler],
    providers: (env) => [
      { provide: BLOB_STORE, useFactory: () => blobStoreOf(env) },
      { provide: MEDIA_SECRET, useValue: env.MODAPI_MEDIA_SECRET ?? null },
      KeptImages,
      {
        provide: ImageParts,
        inject: [MediaFetcher, KeptImages],
        useFactory: (media: MediaFetcher, kept: KeptImages) =>
          new ImageParts(new RemoteImages(media), store ?? (kept.isThere ? kept : undefined)),
      },
    ],
  });
}

/** The image worker. */
export const imageApp = imageAppWith(undefined);
