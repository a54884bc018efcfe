import { GatewayError, type InferenceCallHead } from '#libs/contracts';
import type { Provider } from '../provider.js';
import { type Edit, isAsked, removal, splice, textOf, topLevelMembers } from './json-edits.js';

export interface ChatRequest {
  /** The caller's JSON, byte for byte. */
  readonly body: Uint8Array;
  readonly head: Pick<InferenceCallHead, 'model' | 'stream' | 'includeUsage'> & {
    readonly spans: NonNullable<InferenceCallHead['spans']>;
  };
  /** The provider's name for the model. */
  readonly upstreamModel: string;
  readonly provider: Provider;
}

/**
 * The body for the upstream: the caller's bytes with nothing changed but what this provider needs changed. Throws
 * `unsupported_parameter` when the caller asks for what the provider would refuse or drop in silence.
 */
export function chatRequestBody(request: ChatRequest): Uint8Array {
  const { body, head, upstreamModel, provider } = request;
  const edits: Edit[] = [];
  if (upstreamModel !== head.model) {
    const [start, end] = head.spans.model;
    edits.push({ start, end, text: JSON.stringify(upstreamModel) });
  }
  if (head.stream) addStreamOptions(request, edits);
  if (provider.quirks) addQuirks(request, edits);
  return splice(body, edits);
}

/** OpenAI sends usage only in the last chunk, and only if asked: without this we would work for free. */
function addStreamOptions({ body, head, provider }: ChatRequest, edits: Edit[]): void {
  if (provider.quirks?.noStreamOptions || head.includeUsage) return;
  const span = head.spans.streamOptions;
  if (!span) {
    // Behind the opening brace; `model` is a member, so a comma is right.
    edits.push({ start: 1, end: 1, text: '"stream_options":{"include_usage":true},' });
    return;
  }
  const asked: unknown = JSON.parse(textOf(body, span[0], span[1]));
  if (asked !== null && (typeof asked !== 'object' || Array.isArray(asked))) return;
  edits.push({ start: span[0], end: span[1], text: JSON.stringify({ ...asked, include_usage: true }) });
}

function addQuirks({ body, provider }: ChatRequest, edits: Edit[]): void {
  const quirks = provider.quirks ?? {};
  if (!quirks.unsupported && !quirks.maxTokensName && !quirks.noStreamOptions) return;
  const members = topLevelMembers(body);
  const refused = quirks.unsupported?.find((name) => isAsked(body, members.get(name)));
  if (refused !== undefined) {
    throw new GatewayError(
      'unsupported_parameter',
      `${provider.name} does not support '${refused}'. Leave it out, or choose another model.`,
      { param: refused },
    );
  }
  const wanted = quirks.maxTokensName;
  if (wanted) {
    const other = members.get(wanted === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens');
    if (other && !members.has(wanted)) edits.push({ start: other.keyStart, end: other.keyEnd, text: wanted });
  }
  const streamOptions = quirks.noStreamOptions ? members.get('stream_options') : undefined;
  if (streamOptions) edits.push(removal(body, streamOptions));
}
