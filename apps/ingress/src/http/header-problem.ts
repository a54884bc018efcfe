import type { IncomingMessage } from 'node:http';
import { GatewayError } from '#libs/contracts';
import type { DoorLimits } from './limits.js';

const hostPattern = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i;
/** As Node tells whether a client waits for `100 Continue`. */
const continuePattern = /(?:^|\W)100-continue(?:$|\W)/i;

/**
 * What is wrong with a request line and its headers, beyond what the parser refuses. Looks at the raw headers, since
 * Node keeps only the first of two Authorization or Host headers and says nothing.
 */
export function headerProblem(raw: IncomingMessage, limits: DoorLimits): GatewayError | undefined {
  const { rawHeaders } = raw;
  if ((raw.url?.length ?? 0) > limits.uriBytes) {
    return new GatewayError('uri_too_long', `The URL is longer than ${limits.uriBytes} bytes.`);
  }
  if (rawHeaders.length > limits.headerCount * 2) {
    return new GatewayError('headers_too_large', `The request has more than ${limits.headerCount} headers.`);
  }
  if (raw.httpVersionMajor !== 1) return new GatewayError('bad_request', 'Speak HTTP/1.1.');
  const { expect } = raw.headers;
  // HTTP/1.0 knows no expectations: there the header means nothing.
  if (expect !== undefined && raw.httpVersionMinor > 0 && !continuePattern.test(expect)) {
    return new GatewayError('bad_request', 'Send no Expect header other than `100-continue`.', { status: 417 });
  }
  let hosts = 0;
  let authorizations = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
    else if (name.length === 13 && name.toLowerCase() === 'authorization') authorizations++;
  }
  if (authorizations > 1) {
    return new GatewayError('ambiguous_credentials', 'The request has two Authorization headers. Send one.');
  }
  const { host } = raw.headers;
  const needsHost = raw.httpVersionMinor > 0;
  if (hosts > 1 || (needsHost && hosts === 0) || (host !== undefined && !hostPattern.test(host))) {
    return new GatewayError('invalid_host', 'The request needs exactly one valid Host header.');
  }
  return undefined;
}
