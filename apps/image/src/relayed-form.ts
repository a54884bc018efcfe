import { GatewayError, imagesEdits } from '#libs/contracts';
import type { Attempt, AttemptSource } from '#libs/inference';
import { formBody, formRequest, refusesResponseFormat, spliceModel, unsupportedParameter } from '#libs/providers';
import { promptOf } from './asked-images.js';
import { refuseLinks } from './drawn-images.js';
import { ImageLinks } from './image-links.js';
import type { ImageParts } from './image-parts.js';
import { relayImages } from './relayed-images.js';

/** Relays the caller's files as they come: of sixteen images of 20 MB no more than a few pieces are ever here. */
export function relayForm(source: AttemptSource, parts: ImageParts, endpoint: string): Attempt {
  const { call, head, target } = source;
  const { upstream, deployment } = target;
  const { form } = head;
  if (!form) throw new GatewayError('internal_error', 'The gateway lost the form of the request. Retry.');
  const refused = form.fields.find(({ name }) => upstream.provider.quirks?.unsupported?.includes(name));
  if (refused) throw unsupportedParameter(upstream.provider, refused.name);
  const withoutFormat = refusesResponseFormat(deployment.upstreamModel);
  if (withoutFormat && !head.stream) refuseLinks(new ImageLinks(source, parts));
  const replaced = { model: deployment.upstreamModel, ...(withoutFormat && { response_format: null }) };
  const body = formBody(form, replaced);
  return relayImages(source, {
    parts,
    // Opened anew for each attempt: the files are sent again from their first byte.
    request: (ownHeaders) => formRequest(upstream, endpoint, { body, files: call.openBody(), ownHeaders }),
    prompt: () => promptOf(source),
  });
}

/** An edit as JSON: OpenAI-like providers fetch its URLs themselves. */
export function relayJsonEdit(source: AttemptSource, parts: ImageParts): Attempt {
  const { call, head, target } = source;
  const { upstream, deployment } = target;
  if (!head.spans) throw new GatewayError('internal_error', 'The gateway lost its place in the request. Retry.');
  const body = spliceModel(call.body, head.spans.model, deployment.upstreamModel);
  return relayImages(source, {
    parts,
    request: (ownHeaders) => upstream.request(imagesEdits.id, body, ownHeaders),
    prompt: () => promptOf(source),
  });
}
