import type { DialectEntry } from './dialect.js';

/** How the credential is sent. */
export type ProviderAuth =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'none' };

/** What differs from OpenAI's wire, as data. */
export interface ProviderQuirks {
  /** The upstream knows only this name for the output limit; the other is renamed. */
  readonly maxTokensName?: 'max_tokens' | 'max_completion_tokens';
  /** Parameters this upstream refuses or silently drops; a request that has one is refused with 400 naming it. */
  readonly unsupported?: readonly string[];
  /** The upstream refuses `stream_options`: it is neither injected nor passed; usage it does not send is then counted. */
  readonly noStreamOptions?: boolean;
  /** Files that a caller names by URL are fetched by us and sent as data: the upstream cannot, or must not. */
  readonly inlineMedia?: boolean;
  /** Formats that its transcriptions have; the others are rendered from its `verbose_json`. Absent: it has them all. */
  readonly transcriptFormats?: readonly string[];
  readonly embeddings?: EmbeddingQuirks;
  readonly rerank?: RerankQuirks;
}

/** Of `/v1/embeddings`. */
export interface EmbeddingQuirks {
  /** Items that one request may have; more are asked for in several, and joined. */
  readonly maxInputs?: number;
  /** Values of `encoding_format` that it knows; another one is left out, and what then comes is converted here. */
  readonly encodings?: readonly string[];
  /** Its name for `dimensions`. */
  readonly dimensionsName?: string;
  /** Parameters that only the vendor's own protocol knows: a request that has one goes there. */
  readonly dialectFor?: readonly string[];
}

/** Of `/v1/rerank`. */
export interface RerankQuirks {
  /** Its name for `top_n`. */
  readonly topNName?: string;
  /** Documents must be strings. */
  readonly stringsOnly?: boolean;
}

/** An upstream dialect or vendor, as data. */
export interface Provider {
  readonly id: string;
  readonly name: string;
  /** `{name}` parts are filled from the configuration's `variables`. null: the configuration must give it. */
  readonly baseUrl: string | null;
  readonly auth: ProviderAuth;
  /** The usual environment variable of its key, for hints and `docs/`. */
  readonly keyEnv: string | null;
  /** A server of one's own often runs without a key; a vendor never does. */
  readonly keyOptional?: boolean;
  /** Endpoint id → path below the base URL. */
  readonly serves: Readonly<Record<string, string>>;
  /** For the endpoints that it serves in a protocol of its own. */
  readonly dialect?: DialectEntry;
  readonly quirks?: ProviderQuirks;
  /**
   * Goes on generating after a disconnect, and bills all of it. Without this an aborted stream stops, and so does its
   * bill. From OpenRouter's public list of who supports stream cancellation (docs, "Streaming", read November 2026).
   */
  readonly billsAborted?: boolean;
  /** Part of this gateway: it gets the attempt id and the trace context, which are nobody else's business. */
  readonly ownServer?: boolean;
}

/** Types a provider plainly, so that a misspelt key is an error. */
export function defineProvider(provider: Provider): Provider {
  return provider;
}
