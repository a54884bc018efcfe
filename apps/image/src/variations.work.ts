import { imagesVariations } from '#libs/contracts';
import type { EndpointWork } from '#libs/inference';
import { drawImages } from './drawn-images.js';
import type { ImageParts } from './image-parts.js';
import { relayForm } from './relayed-form.js';

/** Images like another one. */
export function variationsWork(parts: ImageParts): EndpointWork {
  return {
    endpoint: imagesVariations.id,
    title: 'image variations',
    operation: 'vary_image',
    prepare(source) {
      const passes = source.target.upstream.passes(imagesVariations.id);
      return passes ? relayForm(source, parts, imagesVariations.id) : drawImages(source, parts, 'vary');
    },
  };
}
