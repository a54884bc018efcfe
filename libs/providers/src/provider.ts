/** How the credential is sent. */
export type ProviderAuth =
  | { readonly kind: 'bearer' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'none' };

/** What differs from OpenAI's wire, as data. */
export interface ProviderQuirks {
  /** The upstream knows only this name for the output limit; the other is renamed. */
  readonly maxTokensName?: 'max_tokens' | 'max_completion_tokens';
  /** Parameters this upstream refuses; a request that has one is refused with 400 naming it. */
  readonly unsupported?: readonly string[];
  /** The upstream refuses `stream_options`: do not inject it; usage is then counted. */
  readonly noStreamOptions?: boolean;
}

/** An upstream dialect or vendor, as data. */
export interface Provider {
  readonly id: string;
  readonly name: string;
  /** `{name}` parts are filled from the configuration's `variables`. */
  readonly baseUrl: string;
  readonly auth: ProviderAuth;
  /** The usual environment variable of its key, for hints and `docs/`. */
  readonly keyEnv: string | null;
  /** Endpoint id → path below the base URL. */
  readonly serves: Readonly<Record<string, string>>;
  readonly quirks?: ProviderQuirks;
}

/** Types a provider plainly, so that a misspelt key is an error. */
export function defineProvider(provider: Provider): Provider {
  return provider;
}
