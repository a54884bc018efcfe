/** Error types that OpenAI's error object uses (OpenAI docs, "Error codes"). */
export type ErrorType =
  | 'invalid_request_error'
  | 'permission_error'
  | 'insufficient_quota'
  | 'rate_limit_error'
  | 'server_error'
  | 'service_unavailable_error';

interface ErrorRow {
  readonly status: number;
  readonly type: ErrorType;
  /** SDKs retry 408, 409, 429 and 5xx by themselves; `false` makes us say `x-should-retry: false`. */
  readonly retryable: boolean;
}

const invalid = (status: number): ErrorRow => ({ status, type: 'invalid_request_error', retryable: false });
const forbidden: ErrorRow = { status: 403, type: 'permission_error', retryable: false };
const unavailable: ErrorRow = { status: 503, type: 'service_unavailable_error', retryable: true };

/** The one table of errors: code → HTTP status, OpenAI error type, whether a retry can help. */
export const errorTable = {
  // who are you
  missing_api_key: invalid(401),
  invalid_api_key: invalid(401),
  ambiguous_credentials: invalid(400),
  organization_disabled: forbidden,
  model_not_allowed: forbidden,
  insufficient_scope: forbidden,
  ip_not_allowed: forbidden,
  invalid_media_link: forbidden,
  // what did you ask for
  unknown_url: invalid(404),
  method_not_allowed: invalid(405),
  invalid_host: invalid(400),
  uri_too_long: invalid(414),
  headers_too_large: invalid(431),
  unsupported_media_type: invalid(415),
  unsupported_charset: invalid(415),
  unsupported_encoding: invalid(415),
  bad_request: invalid(400),
  request_timeout: { status: 408, type: 'invalid_request_error', retryable: true },
  request_too_large: invalid(413),
  invalid_json: invalid(400),
  invalid_type: invalid(400),
  invalid_encoding: invalid(400),
  invalid_value: invalid(400),
  json_too_deep: invalid(400),
  json_too_complex: invalid(400),
  duplicate_key: invalid(400),
  forbidden_key: invalid(400),
  forbidden_parameter: invalid(400),
  missing_required_parameter: invalid(400),
  unsupported_parameter: invalid(400),
  unsupported_value: invalid(400),
  context_length_exceeded: invalid(400),
  invalid_multipart: invalid(400),
  invalid_file: invalid(400),
  file_too_large: invalid(413),
  invalid_image: invalid(400),
  image_url_not_allowed: invalid(400),
  image_download_failed: invalid(400),
  model_not_found: invalid(404),
  model_not_supported: invalid(400),
  not_found: invalid(404),
  unknown_parameter: invalid(400),
  conflict: invalid(409),
  invalid_idempotency_key: invalid(400),
  idempotency_key_reused: invalid(422),
  idempotency_in_progress: { status: 409, type: 'invalid_request_error', retryable: true },
  idempotency_result_not_stored: invalid(409),
  // money and limits
  insufficient_quota: { status: 429, type: 'insufficient_quota', retryable: false },
  budget_exceeded: { status: 429, type: 'insufficient_quota', retryable: false },
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error', retryable: true },
  model_not_priced: { status: 503, type: 'service_unavailable_error', retryable: false },
  // the gateway itself
  overloaded: unavailable,
  upload_space_exhausted: { status: 429, type: 'rate_limit_error', retryable: true },
  no_worker_available: unavailable,
  provider_unavailable: unavailable,
  ledger_unavailable: unavailable,
  server_shutting_down: unavailable,
  internal_error: { status: 500, type: 'server_error', retryable: true },
  // the provider behind it
  upstream_rejected: { status: 400, type: 'invalid_request_error', retryable: false },
  upstream_rate_limited: { status: 429, type: 'rate_limit_error', retryable: true },
  upstream_error: { status: 502, type: 'server_error', retryable: true },
  upstream_interrupted: { status: 502, type: 'server_error', retryable: true },
  upstream_timeout: { status: 504, type: 'server_error', retryable: true },
} as const satisfies Record<string, ErrorRow>;

/** A code of the error table. */
export type ErrorCode = keyof typeof errorTable;

/** OpenAI's error object: all four keys are required (OpenAI OpenAPI, schema `Error`). */
export interface OpenAiError {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

/** What a `GatewayError` says beyond its code and message; all of it may be left out. */
export interface GatewayErrorOptions {
  /** The parameter at fault, in OpenAI's notation: `messages[0].content`. */
  param?: string;
  cause?: unknown;
  /** Seconds after which a retry makes sense; rendered as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Kept from an upstream answer: its status wins over the table's. */
  status?: number;
  /** Kept from an upstream answer: its own error object is passed on as it came. */
  upstream?: OpenAiError;
  /** Overrides the table, e.g. when an upstream said so. */
  retryable?: boolean;
  /** Further headers of the answer, such as `x-ratelimit-*`; they stay in this process. */
  headers?: Readonly<Record<string, string>>;
}

/** A gateway error on a bus frame; plain JSON. */
export interface GatewayErrorJson {
  code: ErrorCode;
  message: string;
  param?: string;
  retryAfterSeconds?: number;
  status?: number;
  upstream?: OpenAiError;
  retryable?: boolean;
}

/** Every error that a caller may see. The message says what to do next and holds no secret. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly upstream: OpenAiError | undefined;
  readonly headers: Readonly<Record<string, string>>;
  private readonly statusOverride: number | undefined;
  private readonly retryableOverride: boolean | undefined;

  constructor(code: ErrorCode, message: string, options: GatewayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.param = options.param;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.upstream = options.upstream;
    this.headers = options.headers ?? {};
    this.statusOverride = options.status;
    this.retryableOverride = options.retryable;
  }

  get status(): number {
    return this.statusOverride ?? errorTable[this.code].status;
  }

  get retryable(): boolean {
    return this.retryableOverride ?? errorTable[this.code].retryable;
  }

  /** The object under `error` of an answer or of an in-band event. */
  toOpenAi(): OpenAiError {
    return (
      this.upstream ?? {
        message: this.message,
        type: errorTable[this.code].type,
        param: this.param ?? null,
        code: this.code,
      }
    );
  }

  /** For a bus frame; the cause stays in this process. */
  toJson(): GatewayErrorJson {
    return {
      code: this.code,
      message: this.message,
      ...(this.param !== undefined && { param: this.param }),
      ...(this.retryAfterSeconds !== undefined && { retryAfterSeconds: this.retryAfterSeconds }),
      ...(this.statusOverride !== undefined && { status: this.statusOverride }),
      ...(this.upstream !== undefined && { upstream: this.upstream }),
      ...(this.retryableOverride !== undefined && { retryable: this.retryableOverride }),
    };
  }

  static fromJson(json: GatewayErrorJson): GatewayError {
    const { code, message, ...options } = json;
    return new GatewayError(Object.hasOwn(errorTable, code) ? code : 'internal_error', message, options);
  }

  /** Anything unmapped is `internal_error`: told to nobody, kept as the cause for the log. */
  static from(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError(
      'internal_error',
      'The gateway failed to handle this request. Retry; if it persists, report the x-request-id to the operator.',
      { cause: error },
    );
  }
}
