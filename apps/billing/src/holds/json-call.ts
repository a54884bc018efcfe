import type { z } from 'zod';
import { GatewayError } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';

/** The body of a call whose body is JSON. */
export function readBody<Body>(schema: z.ZodType<Body>, body: Uint8Array): Body {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch (error) {
    throw new GatewayError('invalid_json', 'The body of this call is no JSON.', { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0] ?? { path: [], message: 'invalid' };
  throw new GatewayError('bad_request', `${path.join('.')}: ${message}`);
}

/** Small: it fits into the first window of the reply. */
export function sendJson(call: IncomingCall, reply: object): void {
  call.sendHead({ status: 200, headers: {} });
  call.write(Buffer.from(JSON.stringify(reply)));
  call.end();
}
