import { GatewayError, type InferenceCallHead, type RequestForm } from '#libs/contracts';

/** What a request for a transcript asks of every provider alike. */
export interface TranscriptAsk {
  readonly form: RequestForm;
  /** json, text, srt, vtt, verbose_json, diarized_json. */
  readonly format: string;
  readonly stream: boolean;
  /** Measured by ingress, rounded up; undefined: it could not. */
  readonly seconds: number | undefined;
  readonly words: boolean;
  readonly segments: boolean;
  readonly temperature: number | undefined;
}

/** Reads what ingress has checked. */
export function transcriptAskOf({ form, facts, stream }: InferenceCallHead): TranscriptAsk {
  if (!form || form.files.length !== 1) throw new Error('a transcription is asked for with one file');
  const { seconds } = facts;
  const format = String(facts['responseFormat'] ?? fieldOf(form, 'response_format') ?? 'json');
  const granularities = form.fields.filter(({ name }) => /^timestamp_granularities(?:\[\])?$/.test(name));
  const temperature = fieldOf(form, 'temperature');
  const words = granularities.some(({ value }) => value === 'word');
  return {
    ...{ form, format, stream, words },
    seconds: typeof seconds === 'number' ? seconds : undefined,
    // OpenAI's default, and what subtitles are made of.
    segments: granularities.length === 0 || granularities.some(({ value }) => value === 'segment'),
    temperature: temperature === undefined || temperature === '' ? undefined : Number(temperature),
  };
}

/** The last value of a field. */
export function fieldOf(form: RequestForm, name: string): string | undefined {
  return form.fields.findLast((field) => field.name === name)?.value;
}

/** Fields that mean something in every vendor's own protocol, or need not be sent there. */
const known: ReadonlySet<string> = new Set([
  'model',
  'language',
  'prompt',
  'response_format',
  'temperature',
  'timestamp_granularities',
  'stream',
  'user',
]);

/** Refuses what a vendor's own protocol would drop in silence. */
export function refuseUnknownFields({ form, format, stream }: TranscriptAsk): void {
  for (const { name, value } of form.fields) {
    const bare = name.replace(/\[\]$/, '');
    if (known.has(bare) || value === '' || (bare === 'chunking_strategy' && value === 'auto')) continue;
    const message = `This model takes no \`${bare}\`. Leave it out, or choose another model.`;
    throw new GatewayError('unsupported_parameter', message, { param: bare });
  }
  if (stream && format !== 'json' && format !== 'diarized_json') {
    const message = `This model streams json and diarized_json only. Leave \`stream\` out, or change \`response_format\`.`;
    throw new GatewayError('unsupported_parameter', message, { param: 'stream' });
  }
}
