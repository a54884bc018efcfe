import type { Usage } from '#libs/contracts';
import type { DrawRules } from './drawing/draw-rules.js';

/** How a vendor's own protocol is reached; secrets go to its own origins only, which `fetch` sees to. */
export interface DialectSettings {
  /** Through the egress client: no other host than the provider's own is reached with it. */
  readonly fetch: typeof globalThis.fetch;
  /** For results that lie on hosts which are not the vendor's API: as a stranger's URL, without our credential. */
  readonly download?: (url: string, signal: AbortSignal | undefined) => Promise<MediaBytes>;
  /** The operator's own; undefined: the vendor's. */
  readonly baseUrl: string | undefined;
  readonly secret: string | undefined;
  /** `variables` of the configuration: region, project, location. */
  readonly variables: Readonly<Record<string, string>>;
}

/** One call in a vendor's protocol. */
export interface DialectCall<Request> {
  readonly settings: DialectSettings;
  /** The vendor's name for the model. */
  readonly model: string;
  readonly request: Request;
  readonly signal: AbortSignal;
}

/** A file in memory. */
export interface MediaBytes {
  readonly bytes: Uint8Array;
  /** By content: `image/png`. */
  readonly contentType: string;
}

/** Texts to embed. */
export interface EmbedRequest {
  readonly inputs: readonly string[];
  readonly dimensions?: number;
  /** What the vectors are for, in Cohere's words: `search_document`, `search_query`, `classification`, `clustering`. */
  readonly inputType?: string;
}
/** A vector per text. */
export interface EmbedResult {
  /** In the order of the inputs. */
  readonly embeddings: readonly (readonly number[])[];
  /** Undefined: not reported. */
  readonly usage: Usage | undefined;
}

/** Documents to put in order. */
export interface RerankRequest {
  readonly query: string;
  readonly documents: readonly string[];
  readonly topN?: number;
}
/** Documents in order. */
export interface RerankResult {
  /** Best first. */
  readonly results: readonly { readonly index: number; readonly score: number }[];
  readonly usage: Usage | undefined;
}

/** A text to be spoken. */
export interface SpeechRequest {
  readonly input: string;
  readonly voice: string;
  /** mp3, opus, aac, flac, wav, pcm; undefined: nobody asked, so mp3, or what the vendor has instead of it. */
  readonly format?: string | undefined;
  readonly speed?: number;
  readonly instructions?: string;
}
/** Speech, whole. */
export interface SpeechResult extends MediaBytes {
  readonly usage: Usage | undefined;
}

/** Audio to be written down. */
export interface TranscribeRequest extends MediaBytes {
  readonly filename: string;
  /** ISO 639-1. */
  readonly language?: string;
  readonly prompt?: string;
  readonly temperature?: number;
  readonly words: boolean;
  readonly segments: boolean;
  readonly diarize: boolean;
}
/** Times in seconds from the start. */
export interface TranscriptPiece {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly speaker?: string;
}
/** A transcript. */
export interface TranscribeResult {
  readonly text: string;
  readonly language: string | undefined;
  /** Duration of the audio in seconds; undefined: not reported. */
  readonly duration: number | undefined;
  readonly segments: readonly TranscriptPiece[];
  readonly words: readonly TranscriptPiece[];
  readonly usage: Usage | undefined;
}

/** Images to make. */
export interface DrawRequest {
  /** Empty for a variation. */
  readonly prompt: string;
  readonly n: number;
  /** `1024x1024`; undefined: the model's own. */
  readonly size: string | undefined;
  /** `16:9`; undefined: the model's own. */
  readonly aspectRatio: string | undefined;
  readonly quality: string | undefined;
  readonly seed: number | undefined;
  /** Of an edit: up to 16; of a variation: one. */
  readonly images: readonly MediaBytes[];
  readonly mask: MediaBytes | undefined;
}
/** An image that was made. */
export interface DrawnImage extends MediaBytes {
  readonly revisedPrompt?: string;
}
/** Images that were made. */
export interface DrawResult {
  readonly images: readonly DrawnImage[];
  readonly usage: Usage | undefined;
}

/** A vendor's protocol: a function per endpoint that it serves. Errors are thrown as they come; `failureOfDialect` maps them. */
export interface Dialect {
  embed?(call: DialectCall<EmbedRequest>): Promise<EmbedResult>;
  rerank?(call: DialectCall<RerankRequest>): Promise<RerankResult>;
  speak?(call: DialectCall<SpeechRequest>): Promise<SpeechResult>;
  transcribe?(call: DialectCall<TranscribeRequest>): Promise<TranscribeResult>;
  /** Images made from nothing, from images (edit), or like an image (variation). */
  draw?(call: DialectCall<DrawRequest>): Promise<DrawResult>;
}

/** What of a provider is not OpenAI's wire. */
export interface DialectEntry {
  /** Endpoint ids. */
  readonly serves: readonly string[];
  /** Origins that its calls may go to with our credential, beside the base URL's: `https://fal.run`. */
  readonly origins: readonly string[];
  /** What an image model of this vendor takes; undefined: it is not known to make images. Needs no package. */
  readonly draws?: (model: string) => DrawRules | undefined;
  /** Loaded with the first call: vendors' packages are large. */
  load(): Promise<Dialect>;
}
