import { GatewayError, imagesGenerations } from '#libs/contracts';
import { type AttemptSource, type EndpointWork } from '#libs/inference';
import { imageRequestBody, refusesResponseFormat } from '#libs/providers';
import { promptOf } from './asked-images.js';
import { drawImages, refuseLinks } from './drawn-images.js';
import { ImageLinks } from './image-links.js';
import type { ImageParts } from './image-parts.js';
import { relayImages } from './relayed-images.js';

/** Images out of a prompt. */
export function generationsWork(parts: ImageParts): EndpointWork {
  return {
    endpoint: imagesGenerations.id,
    title: 'image generation',
    operation: 'generate_image',
    prepare(source) {
      const { upstream } = source.target;
      return upstream.passes(imagesGenerations.id)
        ? relayImages(source, { parts, ...relayed(source, parts) })
        : drawImages(source, parts, 'generate');
    },
  };
}

function relayed(source: AttemptSource, parts: ImageParts) {
  const { call, head, target } = source;
  const { upstream, deployment } = target;
  const { upstreamModel } = deployment;
  if (!head.spans) throw new GatewayError('internal_error', 'The gateway lost its place in the request. Retry.');
  if (refusesResponseFormat(upstreamModel) && !head.stream) refuseLinks(new ImageLinks(source, parts));
  const modelSpan = head.spans.model;
  const body = imageRequestBody({ body: call.body, modelSpan, upstreamModel, provider: upstream.provider });
  return {
    request: (ownHeaders: readonly string[]) => upstream.request(imagesGenerations.id, body, ownHeaders),
    prompt: () => promptOf(source),
  };
}
