/** Files of the gateway's own: on a disk, or in a bucket. */
export { type BlobEnvironment, blobEnvironment, blobStoreOf } from './blob-environment.js';
/** The port, and what may be stored. */
export { type Blob, type BlobRange, type BlobStore, blobTypes, type NewBlob } from './blob-store.js';
