import { GatewayError } from '#libs/contracts';
import type { Provider } from '../provider.js';
import { type Edit, isAsked, type Member, removal, splice, textOf, topLevelMembers, valueEnd } from './json-edits.js';

/** A request for embeddings, of which only the places of its members are known. */
export class EmbeddingsRequest {
  private readonly members: ReadonlyMap<string, Member>;

  /** `body` is the caller's JSON, byte for byte. */
  constructor(readonly body: Uint8Array) {
    this.members = topLevelMembers(body);
  }

  /** How the caller wants the vectors. */
  get base64(): boolean {
    return this.textOfMember('encoding_format') === '"base64"';
  }

  /** Whether a parameter is there and not null. */
  asks(name: string): boolean {
    return isAsked(this.body, this.members.get(name));
  }

  /** All parameters but those of OpenAI. */
  get others(): string[] {
    return [...this.members.keys()].filter((name) => !known.has(name) && this.asks(name));
  }

  /** Its inputs: strings, or lists of token ids. A lone one is a list of one. */
  get inputs(): readonly string[] | readonly (readonly number[])[] {
    const { input } = JSON.parse(Buffer.from(this.body).toString()) as { input: unknown };
    if (!Array.isArray(input)) return [input as string];
    return typeof input[0] === 'number' ? [input as number[]] : (input as string[]);
  }

  /** A parameter that is a string, else undefined. */
  text(name: string): string | undefined {
    const text = this.textOfMember(name);
    return text?.startsWith('"') ? (JSON.parse(text) as string) : undefined;
  }

  get dimensions(): number | undefined {
    const text = this.asks('dimensions') ? this.textOfMember('dimensions') : undefined;
    return text === undefined ? undefined : Number(text);
  }

  /** For the upstream: nothing is changed but what this provider needs changed. */
  bodyFor(provider: Provider, upstreamModel: string): Uint8Array {
    const quirks = provider.quirks?.embeddings ?? {};
    const edits: Edit[] = [];
    const model = this.members.get('model');
    if (!model) throw new GatewayError('internal_error', 'The gateway lost its place in the request. Retry.');
    edits.push({
      start: model.valueStart,
      end: valueEnd(this.body, model.valueStart),
      text: JSON.stringify(upstreamModel),
    });
    const encoding = this.members.get('encoding_format');
    const asked = this.base64 ? 'base64' : 'float';
    if (encoding && quirks.encodings && !quirks.encodings.includes(asked)) edits.push(removal(this.body, encoding));
    const dimensions = this.members.get('dimensions');
    if (dimensions && quirks.dimensionsName) {
      edits.push({ start: dimensions.keyStart, end: dimensions.keyEnd, text: quirks.dimensionsName });
    }
    return splice(this.body, edits);
  }

  /** The same request in several of at most `size` inputs, in their order. */
  split(size: number): EmbeddingsRequest[] {
    const whole = JSON.parse(Buffer.from(this.body).toString()) as Record<string, unknown>;
    const { inputs } = this;
    const parts: EmbeddingsRequest[] = [];
    for (let start = 0; start < inputs.length; start += size) {
      const input = inputs.slice(start, start + size);
      parts.push(new EmbeddingsRequest(Buffer.from(JSON.stringify({ ...whole, input }))));
    }
    return parts;
  }

  private textOfMember(name: string): string | undefined {
    const member = this.members.get(name);
    return member && textOf(this.body, member.valueStart, valueEnd(this.body, member.valueStart)).trim();
  }
}

/** Parameters of OpenAI's `CreateEmbeddingRequest`. */
const known: ReadonlySet<string> = new Set(['model', 'input', 'encoding_format', 'dimensions', 'user']);
