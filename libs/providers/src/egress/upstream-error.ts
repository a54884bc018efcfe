/** How a call failed below HTTP. */
export type UpstreamErrorKind =
  /** Name, TCP or TLS: nothing was sent. */
  | 'connect'
  | 'headers_timeout'
  | 'body_timeout'
  /** The connection broke. */
  | 'reset'
  /** What came is not HTTP, or exceeds our bounds. */
  | 'protocol'
  /** Too many calls to this provider are in flight here. */
  | 'saturated';

/** Carries a code and no message of another's: those hold addresses, and sometimes headers. */
export class UpstreamError extends Error {
  constructor(
    readonly kind: UpstreamErrorKind,
    /** `ECONNREFUSED`, `UND_ERR_SOCKET`, … */
    readonly code: string,
  ) {
    super(`upstream ${kind} (${code})`);
    this.name = 'UpstreamError';
  }
}

const kinds: Readonly<Record<string, UpstreamErrorKind>> = {
  UND_ERR_CONNECT_TIMEOUT: 'connect',
  UND_ERR_HEADERS_TIMEOUT: 'headers_timeout',
  UND_ERR_BODY_TIMEOUT: 'body_timeout',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_INFO: 'reset',
  UND_ERR_ABORTED: 'reset',
  UND_ERR_CLOSED: 'reset',
  UND_ERR_DESTROYED: 'reset',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_HEADERS_OVERFLOW: 'protocol',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'protocol',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'protocol',
  UND_ERR_INVALID_ARG: 'protocol',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'protocol',
};

/** Maps a foreign error once, where it enters. What is not known happened while connecting: DNS and TLS have many codes. */
export function upstreamErrorOf(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  const code = codeOf(error);
  const isParser = code.startsWith('HPE_') || (error instanceof Error && error.name === 'HTTPParserError');
  return new UpstreamError(kinds[code] ?? (isParser ? 'protocol' : 'connect'), code);
}

function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'UNKNOWN';
}
