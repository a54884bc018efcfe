import { problemsBySchema } from './openai-schemas.js';

/** One call, as it went over the wire. */
interface Recorded {
  readonly path: string;
  /** What it was answered in, where the request chose. */
  readonly format: string;
  readonly response: Response;
}

/** A `fetch` for the SDK that keeps every answer, and holds each to OpenAI's schema of it. */
export class CheckedAnswers {
  private readonly recorded: Recorded[] = [];

  readonly fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const { pathname } = new URL(input instanceof Request ? input.url : input);
    this.recorded.push({ path: pathname, format: formatOf(init?.body), response: response.clone() });
    return response;
  };

  /** Of all answers since it was last asked: how many answers and events there were, and what is wrong with them. */
  async check(): Promise<{ checked: number; problems: string[] }> {
    const problems: string[] = [];
    let checked = 0;
    for (const { path, format, response } of this.recorded.splice(0)) {
      const type = response.headers.get('content-type') ?? '';
      const isStream = type.startsWith('text/event-stream');
      if (!isStream && !type.startsWith('application/json')) continue;
      const schema = schemaOf(path, { isStream, format, ok: response.ok });
      const text = await response.text();
      if (schema === undefined) continue;
      const values = isStream ? eventsOf(text) : [JSON.parse(text) as unknown];
      checked += values.length;
      for (const value of values) {
        problems.push(...problemsBySchema(schema, asFloats(value)).map((problem) => `${path}: ${problem}`));
      }
    }
    return { checked, problems };
  }
}

/** Events of a stream; OpenAI's streams of these endpoints may end in `[DONE]` or with their last event. */
export function eventsOf(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice('data: '.length)) as unknown);
}

const byPath: Readonly<Record<string, { json: string; stream?: string; verbose?: string; diarized?: string }>> = {
  embeddings: { json: 'CreateEmbeddingResponse' },
  'audio/speech': { json: 'none', stream: 'CreateSpeechResponseStreamEvent' },
  'audio/transcriptions': {
    json: 'CreateTranscriptionResponseJson',
    verbose: 'CreateTranscriptionResponseVerboseJson',
    diarized: 'CreateTranscriptionResponseDiarizedJson',
    stream: 'CreateTranscriptionResponseStreamEvent',
  },
  'audio/translations': { json: 'CreateTranslationResponseJson', verbose: 'CreateTranslationResponseVerboseJson' },
  'images/generations': { json: 'ImagesResponse', stream: 'ImageGenStreamEvent' },
  'images/edits': { json: 'ImagesResponse', stream: 'ImageEditStreamEvent' },
  'images/variations': { json: 'ImagesResponse' },
};

interface AnswerKind {
  readonly isStream: boolean;
  readonly format: string;
  readonly ok: boolean;
}

function schemaOf(path: string, { isStream, format, ok }: AnswerKind): string | undefined {
  if (!ok) return 'ErrorResponse';
  const schemas = byPath[path.replace(/^\/v1\//, '')];
  if (!schemas) return undefined;
  const { json, stream, verbose, diarized } = schemas;
  if (isStream) return stream ?? 'none';
  return (format === 'verbose_json' && verbose) || (format === 'diarized_json' && diarized) || json;
}

function formatOf(body: unknown): string {
  const format = body instanceof FormData ? body.get('response_format') : null;
  return typeof format === 'string' ? format : 'json';
}

/** OpenAI's schema of embeddings knows no base64, which its own package asks for: what is in it is validated. */
function asFloats(value: unknown): unknown {
  const { data } = value as { data?: { embedding?: unknown }[] };
  if (!Array.isArray(data) || typeof data[0]?.embedding !== 'string') return value;
  const items = data.map((item) => ({ ...item, embedding: floatsOf(item.embedding as string) }));
  return { ...(value as object), data: items };
}

/** Little-endian 32-bit floats. */
export function floatsOf(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readFloatLE(index * 4));
}
