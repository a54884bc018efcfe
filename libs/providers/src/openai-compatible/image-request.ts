import { GatewayError } from '#libs/contracts';
import type { Provider } from '../provider.js';
import { type Edit, isAsked, removal, splice, topLevelMembers } from './json-edits.js';

/** GPT image models always answer in base64, and refuse to be asked how. */
const alwaysBase64 = /(?:^|\/)(?:gpt-image|chatgpt-image)/;

/** Whether the upstream must not be told of `response_format`. */
export function refusesResponseFormat(upstreamModel: string): boolean {
  return alwaysBase64.test(upstreamModel);
}

export interface ImageRequest {
  /** The caller's JSON, byte for byte. */
  readonly body: Uint8Array;
  /** Of the value of `model`. */
  readonly modelSpan: readonly [number, number];
  /** The provider's name for the model. */
  readonly upstreamModel: string;
  readonly provider: Provider;
}

/** The caller's bytes with the provider's name of the model, and without what this one refuses to hear. */
export function imageRequestBody({ body, modelSpan, upstreamModel, provider }: ImageRequest): Uint8Array {
  const [start, end] = modelSpan;
  const edits: Edit[] = [{ start, end, text: JSON.stringify(upstreamModel) }];
  const members = topLevelMembers(body);
  const refused = provider.quirks?.unsupported?.find((name) => isAsked(body, members.get(name)));
  if (refused !== undefined) throw unsupportedParameter(provider, refused);
  const format = refusesResponseFormat(upstreamModel) ? members.get('response_format') : undefined;
  if (format) edits.push(removal(body, format));
  return splice(body, edits);
}

/** The error for what a provider would refuse, or drop in silence. */
export function unsupportedParameter(provider: Provider, param: string): GatewayError {
  const message = `${provider.name} does not support '${param}'. Leave it out, or choose another model.`;
  return new GatewayError('unsupported_parameter', message, { param });
}
