import { imagesEdits } from '#libs/contracts';
import type { EndpointWork } from '#libs/inference';
import { drawImages } from './drawn-images.js';
import type { ImageParts } from './image-parts.js';
import { relayForm, relayJsonEdit } from './relayed-form.js';

/** Images out of images and a prompt; they come as a form, or within JSON. */
export function editsWork(parts: ImageParts): EndpointWork {
  return {
    endpoint: imagesEdits.id,
    title: 'image edits',
    operation: 'edit_image',
    prepare(source) {
      if (!source.target.upstream.passes(imagesEdits.id)) return drawImages(source, parts, 'edit');
      return source.head.form ? relayForm(source, parts, imagesEdits.id) : relayJsonEdit(source, parts);
    },
  };
}
