import type { Usage } from '#libs/contracts';
import type { NoAnswer } from './chat-answer.js';
import { type Edit, splice, textOf, valueEnd } from './json-edits.js';
import { JsonScanner, type MemberVisitor, startsWith, valueAt } from './json-scan.js';
import { VectorGaps } from './vector-gaps.js';

const quote = 0x22;
const openBracket = 0x5b;
const nullStart = 0x6e;

const keys = ['model', 'usage', 'error', 'data', 'object'] as const;
const keyBytes = keys.map((key) => [key, Buffer.from(key)] as const);
const embedding = Buffer.from('embedding');
const index = Buffer.from('index');

/** How embeddings are to be rendered. */
export interface EmbeddingsForm {
  /** The public id. */
  readonly model: string;
  readonly base64: boolean;
  readonly promptTokens: number;
}

/**
 * An upstream's answer with embeddings. What is around its vectors is walked once for the places of its members; the
 * vectors, which are nearly all of it, are neither read nor copied one by one. Places are those in the text without them.
 */
export class EmbeddingsAnswer implements MemberVisitor {
  readonly kind = 'answer';
  /** Vectors in it. */
  items = 0;
  /** Its vectors are base64 texts. */
  base64 = false;
  private readonly starts = new Map<(typeof keys)[number], number>();
  private readonly indexStarts: number[] = [];

  private readonly gaps: VectorGaps;

  private constructor(
    private readonly whole: Buffer,
    private readonly mostTokens: number,
  ) {
    this.gaps = new VectorGaps(whole);
  }

  /** All but the vectors. */
  private get bytes(): Buffer {
    return this.gaps.rest;
  }

  /** Reads a body that came with status 200. More tokens than `mostTokens` are not believed. */
  static read(whole: Buffer, mostTokens = maxTokens): EmbeddingsAnswer | NoAnswer {
    const answer = new EmbeddingsAnswer(whole, mostTokens);
    const { bytes } = answer;
    const after = new JsonScanner(answer).scan(bytes, 0, bytes.length);
    if (after < 0 || bytes.subarray(after).toString().trim() !== '') return { kind: 'garbled' };
    const error = answer.starts.get('error');
    if (error !== undefined) return { kind: 'error', error: valueAt(bytes, error, bytes.length) };
    return answer.starts.has('data') && answer.items > 0 ? answer : { kind: 'garbled' };
  }

  member(depth: number, keyStart: number, keyEnd: number, valueStart: number): void {
    const { bytes } = this;
    const length = keyEnd - keyStart;
    if (depth === 1) {
      const found = keyBytes.find(([, key]) => key.length === length && startsWith(bytes, keyStart, key));
      if (bytes[valueStart] === nullStart) {
        // It says nothing, but its place is taken: what we add goes there.
        if (found && found[0] !== 'error' && found[0] !== 'data' && !this.starts.has(found[0])) {
          this.starts.set(found[0], valueStart);
        }
      } else if (found && (found[0] !== 'data' || bytes[valueStart] === openBracket))
        this.starts.set(found[0], valueStart);
    } else if (depth === 3 && this.starts.has('data')) {
      if (length === embedding.length && startsWith(bytes, keyStart, embedding)) {
        if (this.items++ === 0) this.base64 = bytes[valueStart] === quote;
      } else if (length === index.length && startsWith(bytes, keyStart, index)) this.indexStarts.push(valueStart);
    }
  }

  /** As reported; undefined: not, or not to be believed. */
  get usage(): Usage | undefined {
    const tokens = tokensOf(this.reported, this.mostTokens);
    return tokens === undefined ? undefined : { input: tokens };
  }

  /** Usage was reported, and it cannot be true. */
  get usageDisbelieved(): boolean {
    return this.reported !== undefined && this.usage === undefined;
  }

  get upstreamModel(): string | undefined {
    const start = this.starts.get('model');
    if (start === undefined || this.bytes[start] !== quote) return undefined;
    return (JSON.parse(textOf(this.bytes, start, valueEnd(this.bytes, start))) as string).slice(0, 256) || undefined;
  }

  /** For the caller: the upstream's bytes, where nothing must be changed but the model. */
  render(form: EmbeddingsForm): Uint8Array {
    const edits = [
      this.setting('model', JSON.stringify(form.model)),
      ...(this.says('object') ? [] : [this.setting('object', '"list"')]),
      ...(hasPromptTokens(this.reported) && this.usage ? [] : [this.setting('usage', usageText(form.promptTokens))]),
    ];
    const body = splice(
      this.whole,
      edits.map((edit) => this.inWhole(edit)),
    );
    return this.base64 === form.base64 ? body : converted(body, form.base64);
  }

  /** Several answers as one, in their order. */
  static join(parts: readonly EmbeddingsAnswer[], form: EmbeddingsForm): Uint8Array {
    const pieces: Uint8Array[] = [Buffer.from('{"object":"list","data":[')];
    let offset = 0;
    for (const part of parts) {
      if (offset > 0) pieces.push(comma);
      pieces.push(part.itemsFrom(offset));
      offset += part.items;
    }
    pieces.push(Buffer.from(`],"model":${JSON.stringify(form.model)},"usage":${usageText(form.promptTokens)}}`));
    const body = Buffer.concat(pieces);
    return parts.every(({ base64 }) => base64 === form.base64) ? body : converted(body, form.base64);
  }

  /** The items without the brackets around them, numbered from `offset`. */
  private itemsFrom(offset: number): Uint8Array {
    const { bytes, gaps } = this;
    const start = this.starts.get('data') as number;
    const first = gaps.whole(start) + 1;
    const last = gaps.whole(valueEnd(bytes, start) - 1);
    const edits = this.indexStarts.map((valueStart): Edit => {
      const after = valueEnd(bytes, valueStart);
      const number = Number(textOf(bytes, valueStart, after)) + offset;
      const edit = this.inWhole({ start: valueStart, end: after, text: String(number) });
      return { ...edit, start: edit.start - first, end: edit.end - first };
    });
    return splice(this.whole.subarray(first, last), edits);
  }

  private inWhole({ start, end, text }: Edit): Edit {
    return { start: this.gaps.whole(start), end: this.gaps.whole(end), text };
  }

  private says(key: (typeof keys)[number]): boolean {
    const start = this.starts.get(key);
    return start !== undefined && this.bytes[start] !== nullStart;
  }

  private get reported(): unknown {
    const start = this.starts.get('usage');
    return start !== undefined && this.says('usage') ? valueAt(this.bytes, start, this.bytes.length) : undefined;
  }

  private setting(key: (typeof keys)[number], text: string): Edit {
    const start = this.starts.get(key);
    if (start !== undefined) return { start, end: valueEnd(this.bytes, start), text };
    // Behind the opening brace; `data` is a member, so a comma is right.
    const brace = this.bytes.indexOf('{') + 1;
    return { start: brace, end: brace, text: `"${key}":${text},` };
  }
}

/** OpenAI's answer of vectors that came in a vendor's own protocol. */
export function renderEmbeddings(embeddings: readonly (readonly number[])[], form: EmbeddingsForm): Uint8Array {
  const data = embeddings.map((vector, position) => ({
    object: 'embedding',
    index: position,
    embedding: form.base64 ? toBase64(vector) : vector,
  }));
  return Buffer.from(
    `{"object":"list","data":${JSON.stringify(data)},"model":${JSON.stringify(form.model)},"usage":${usageText(form.promptTokens)}}`,
  );
}

const comma = Buffer.from(',');
/** More than a request may hold. */
const maxTokens = 1_000_000_000;

function usageText(tokens: number): string {
  return `{"prompt_tokens":${tokens},"total_tokens":${tokens}}`;
}

/** Voyage and Jina report a total only. */
function tokensOf(reported: unknown, most: number): number | undefined {
  if (typeof reported !== 'object' || reported === null) return undefined;
  const { prompt_tokens: prompt, total_tokens: total } = reported as Record<string, unknown>;
  const tokens = prompt ?? total;
  const believable = typeof tokens === 'number' && Number.isInteger(tokens) && tokens > 0 && tokens <= most;
  return believable ? tokens : undefined;
}

function hasPromptTokens(reported: unknown): boolean {
  return typeof reported === 'object' && reported !== null && 'prompt_tokens' in reported && 'total_tokens' in reported;
}

/** For an upstream that answered in the other encoding: here the vectors are read after all. */
function converted(body: Uint8Array, base64: boolean): Uint8Array {
  const answer = JSON.parse(Buffer.from(body).toString()) as { data: { embedding: unknown }[] };
  for (const item of answer.data) {
    if (base64 && Array.isArray(item.embedding)) item.embedding = toBase64(item.embedding as number[]);
    else if (!base64 && typeof item.embedding === 'string') item.embedding = fromBase64(item.embedding);
  }
  return Buffer.from(JSON.stringify(answer));
}

/** Little-endian 32-bit floats, as OpenAI sends them. */
function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  for (const [position, value] of vector.entries()) bytes.writeFloatLE(value, position * 4);
  return bytes.toString('base64');
}

function fromBase64(text: string): number[] {
  const bytes = Buffer.from(text, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, position) => bytes.readFloatLE(position * 4));
}
