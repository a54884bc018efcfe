import { HttpException } from '@nestjs/common';
import { type ErrorCode, GatewayError } from '#libs/contracts';

const codes: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  404: 'unknown_url',
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'request_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  431: 'headers_too_large',
};

const messages: Partial<Record<ErrorCode, string>> = {
  bad_request: 'The request cannot be read.',
  unsupported_media_type: 'Send the body as JSON with `Content-Type: application/json`.',
  request_too_large: 'The request body is too large.',
};

/** Errors of Nest and Fastify, mapped where they enter; what is unknown is `internal_error`. */
export function toGatewayError(exception: unknown): GatewayError {
  if (exception instanceof GatewayError) return exception;
  const status = statusOf(exception);
  const code = status === undefined ? undefined : codes[status];
  if (code === undefined) return GatewayError.from(exception);
  return new GatewayError(code, messages[code] ?? 'The request cannot be served.', { cause: exception });
}

function statusOf(exception: unknown): number | undefined {
  if (exception instanceof HttpException) return exception.getStatus();
  const status = exception instanceof Error && 'statusCode' in exception ? exception.statusCode : undefined;
  return typeof status === 'number' ? status : undefined;
}
