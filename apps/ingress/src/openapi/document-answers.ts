import { type ErrorCode, errorTable } from '#libs/contracts';

/** A piece of the document. */
export type Json = Record<string, unknown>;

export const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
export const jsonContent = (schema: Json): Json => ({ 'application/json': { schema } });

const requestIdHeader = { 'x-request-id': { $ref: '#/components/headers/x-request-id' } };

export function success(description: string, content: Json, headers: Json = {}): Json {
  return { description, headers: { ...requestIdHeader, ...headers }, content };
}

export const errorSchema = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'param', 'code'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        param: { type: ['string', 'null'], description: 'The parameter at fault: `messages[0].content`.' },
        code: {
          type: ['string', 'null'],
          description: 'One of the codes listed with the response, or the provider’s own.',
        },
      },
    },
  },
};

const allCodes = Object.keys(errorTable) as ErrorCode[];

/** One response per status of the error table, each with its codes. */
export function errorResponses(codes: readonly ErrorCode[] = allCodes): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const entries = [...byStatus].toSorted(([left], [right]) => left - right);
  return Object.fromEntries(entries.map(([status, found]) => [String(status), errorResponse(status, found)]));
}

function errorResponse(status: number, codes: readonly ErrorCode[]): Json {
  const retryAfter = { description: 'Seconds until a retry makes sense.', schema: { type: 'integer' } };
  const shouldRetry = { description: '`false`: a retry cannot help.', schema: { enum: ['true', 'false'] } };
  return {
    description: codes.map((code) => `\`${code}\``).join(', '),
    headers: {
      ...requestIdHeader,
      'x-should-retry': shouldRetry,
      ...((status === 429 || status === 503) && { 'retry-after': retryAfter }),
    },
    content: jsonContent(reference('Error')),
  };
}
