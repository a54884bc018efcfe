import type { Provider } from '@nestjs/common';
import { blobStoreOf } from '#libs/blobs';
import type { IngressEnv } from '../config.js';
import { MEDIA_STORE, type MediaStore } from './media-store.js';

/** Nest injection token of the secret that links are signed with; undefined: there are none. */
export const MEDIA_SECRET = Symbol.for('modapi.ingress.media-secret');

/** Where no files are kept, none is found. */
const emptyStore: MediaStore = { find: () => Promise.resolve(undefined) };

export function mediaProviders(env: IngressEnv): Provider[] {
  return [
    { provide: MEDIA_SECRET, useValue: env.MODAPI_MEDIA_SECRET ?? null },
    { provide: MEDIA_STORE, useFactory: async (): Promise<MediaStore> => (await blobStoreOf(env)) ?? emptyStore },
  ];
}
