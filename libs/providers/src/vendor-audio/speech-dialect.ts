import type { SharedV4ProviderOptions, SpeechModelV4 } from '@ai-sdk/provider';
import { GatewayError, type Usage } from '#libs/contracts';
import type { Dialect, DialectSettings, SpeechRequest } from '../dialect.js';
import { speechContentType } from './audio-formats.js';

type Spoken = Awaited<ReturnType<SpeechModelV4['doGenerate']>>;

/** A format of OpenAI's in a vendor's words. */
export interface VendorFormat {
  readonly ask: string;
  /** Makes of the vendor's bytes what was asked for. */
  convert?(bytes: Uint8Array): Uint8Array;
}

/** What a vendor's speech can do, and how it is asked. What it cannot is refused before the call. */
export interface VendorSpeech {
  /** For messages: `ElevenLabs`. */
  readonly name: string;
  /** By OpenAI's `response_format`. */
  readonly formats: Readonly<Record<string, string | VendorFormat>>;
  readonly speed: boolean;
  readonly instructions: boolean;
  /** A voice as a message may suggest it. */
  readonly sampleVoice: string;
  /** The voice that is sent; it throws for one that the vendor lacks. Absent: the caller's, unless it is OpenAI's. */
  voice?(request: SpeechRequest, model: string): string | undefined;
  readonly options?: SharedV4ProviderOptions;
  model(settings: DialectSettings, model: string): SpeechModelV4;
  usage?(spoken: Spoken): Usage | undefined;
}

/** Names that only OpenAI's own voices have. */
const openAiVoices: ReadonlySet<string> = new Set(
  'alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar'.split(' '),
);

/** Speech of a vendor's package. */
export function speechDialect(vendor: VendorSpeech): NonNullable<Dialect['speak']> {
  return async ({ settings, model, request, signal }) => {
    const { format: wanted = defaultFormat(vendor) } = request;
    const format = formatFor(vendor, wanted);
    refuseUnsupported(vendor, request);
    const voice = vendor.voice ? vendor.voice(request, model) : ownVoice(vendor, request);
    const spoken = await vendor.model(settings, model).doGenerate({
      text: request.input,
      outputFormat: format.ask,
      abortSignal: signal,
      ...(voice !== undefined && { voice }),
      ...(request.speed !== undefined && { speed: request.speed }),
      ...(request.instructions !== undefined && { instructions: request.instructions }),
      ...(vendor.options && { providerOptions: vendor.options }),
    });
    const bytes = typeof spoken.audio === 'string' ? Buffer.from(spoken.audio, 'base64') : spoken.audio;
    if (bytes.length === 0) throw new Error(`${vendor.name} sent no audio`);
    return {
      bytes: format.convert ? format.convert(bytes) : bytes,
      contentType: speechContentType(wanted),
      usage: vendor.usage?.(spoken),
    };
  };
}

/** OpenAI's default where the vendor has it, else what every player takes. */
function defaultFormat({ formats }: VendorSpeech): string {
  return ['mp3', 'wav'].find((format) => Object.hasOwn(formats, format)) ?? Object.keys(formats)[0] ?? 'mp3';
}

function formatFor({ name, formats }: VendorSpeech, format: string): VendorFormat {
  const known = Object.hasOwn(formats, format) ? formats[format] : undefined;
  if (known === undefined) {
    const offered = Object.keys(formats).join(', ');
    const message = `${name} makes no \`${format}\`. Set \`response_format\` to one of: ${offered}.`;
    throw unsupportedValue('response_format', message);
  }
  return typeof known === 'string' ? { ask: known } : known;
}

function refuseUnsupported({ name, speed, instructions }: VendorSpeech, request: SpeechRequest): void {
  if (!speed && request.speed !== undefined && request.speed !== 1) {
    throw unsupported('speed', `${name} has no \`speed\`. Leave it out, or choose another model.`);
  }
  if (!instructions && request.instructions !== undefined && request.instructions !== '') {
    throw unsupported('instructions', `${name} takes no \`instructions\`. Leave them out, or choose another model.`);
  }
}

function ownVoice({ name, sampleVoice }: VendorSpeech, { voice }: SpeechRequest): string {
  if (!openAiVoices.has(voice)) return voice;
  const message = `\`${voice}\` is a voice of OpenAI, and ${name} has others. Send the id of one of them, such as \`${sampleVoice}\`.`;
  throw unsupportedValue('voice', message);
}

/** A refusal of a value, that names the parameter and what it takes. */
export function unsupportedValue(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_value', message, { param });
}

/** A refusal of a parameter, whatever its value. */
export function unsupported(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param });
}
