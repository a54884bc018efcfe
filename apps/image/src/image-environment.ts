import { z } from 'zod';
import { workerEnvironment } from '#libs/inference';
import { blobEnvironment } from '#libs/blobs';

/** What the image worker reads of the environment. */
export const imageEnvironment = workerEnvironment.extend({
  ...blobEnvironment.shape,
  /** Signs the links to kept files; ingress has the same. */
  MODAPI_MEDIA_SECRET: z.string().min(32, 'needs at least 32 characters').optional(),
});
export type ImageEnvironment = z.infer<typeof imageEnvironment>;
