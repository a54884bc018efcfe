import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, GatewayError } from '#libs/contracts';
import { errorAnswer } from './error-answer.js';
import { newRequestId } from './request-id.js';

/** What Node hands over for a request that it could not read. */
type ClientError = Error & { readonly code?: string; readonly rawPacket?: unknown };

const messages: Partial<Record<ErrorCode, string>> = {
  request_timeout: 'The request did not arrive in time. Send it faster.',
  headers_too_large: 'The request line and headers are larger than 16 KB. Send fewer or shorter headers.',
  uri_too_long: 'The URL is too long. Send the parameters in the body.',
  bad_request: 'The request is not valid HTTP.',
};

/** Answers on the bare socket what never became a request, in the same JSON shape as all else, and hangs up. */
export function answerClientError(error: ClientError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  if (socket.writable && !hasAnswerBegun(socket)) socket.write(rawAnswer(codeOf(error)));
  socket.destroySoon();
}

function rawAnswer(code: ErrorCode): string {
  const answer = errorAnswer(new GatewayError(code, messages[code] ?? 'The request cannot be read.'));
  const headers = Object.entries({
    ...answer.headers,
    'x-request-id': newRequestId(),
    'content-length': String(Buffer.byteLength(answer.body)),
    connection: 'close',
  });
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Error'}\r\n${head}\r\n${answer.body}`;
}

function codeOf(error: ClientError): ErrorCode {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'request_timeout';
  if (error.code !== 'HPE_HEADER_OVERFLOW') return 'bad_request';
  return isEndlessRequestLine(error.rawPacket) ? 'uri_too_long' : 'headers_too_large';
}

/** Node reports both as one error: a first packet without a line end is a URL that does not end. */
function isEndlessRequestLine(packet: unknown): boolean {
  return Buffer.isBuffer(packet) && /^[A-Z]+ \S{8192}/.test(packet.toString('latin1', 0, 8_300));
}

/** A second error text behind the first bytes of an answer would be read as part of it. */
function hasAnswerBegun(socket: Socket): boolean {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null };
  return response?.headersSent === true;
}
