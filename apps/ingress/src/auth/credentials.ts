import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '#libs/contracts';

const longestToken = 256;

/** The key of a request, or what is wrong with how it was sent. Nothing is said of a key that could help to guess one. */
export function tokenOf(headers: IncomingHttpHeaders): string | GatewayError {
  const { authorization, 'x-api-key': apiKey } = headers;
  if (authorization === undefined) return missingKey();
  const token = bearerToken(authorization);
  if (apiKey !== undefined && apiKey !== token) {
    const message = 'The Authorization and x-api-key headers differ. Send the key in one of them.';
    return new GatewayError('ambiguous_credentials', message);
  }
  return token === undefined || token.length > longestToken ? invalidKey() : token;
}

function bearerToken(authorization: string): string | undefined {
  if (authorization.slice(0, 7).toLowerCase() !== 'bearer ') return undefined;
  return authorization.slice(7).trim() || undefined;
}

export function missingKey(): GatewayError {
  return new GatewayError('missing_api_key', 'No API key. Send it as `Authorization: Bearer sk-modapi-…`.');
}

/** One answer for every key that is not good, whatever the reason. */
export function invalidKey(): GatewayError {
  return new GatewayError('invalid_api_key', 'The API key is not valid. Check it, or ask the operator for a new one.');
}
