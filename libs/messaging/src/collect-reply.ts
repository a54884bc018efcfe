import { type Bus, CallError, type OutgoingCall, type ReplyHead } from './bus.js';

/** The whole answer of a unary call. */
export interface CollectedReply {
  readonly head: ReplyHead;
  readonly body: Buffer;
  readonly trailer: unknown;
}

const defaultMaxBytes = 8 * 1024 * 1024;

/** Makes a call and gathers its reply, at most `maxBytes` of it; rejects with a `CallError`. */
export function collectReply(bus: Bus, request: OutgoingCall, maxBytes = defaultMaxBytes): Promise<CollectedReply> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let received = 0;
    let head: ReplyHead | undefined;
    const handle = bus.call(request, {
      onHead: (first) => (head = first),
      onData: (chunk) => {
        received += chunk.length;
        if (received > maxBytes) {
          handle.cancel('the reply is too large');
          reject(new CallError('overflow', `the reply is larger than ${maxBytes} bytes`));
          return;
        }
        chunks.push(Buffer.from(chunk)); // a copy: the chunk is a view
        handle.grant(chunk.length);
      },
      onEnd: (trailer) => {
        const [only] = chunks;
        const body = only && chunks.length === 1 ? only : Buffer.concat(chunks, received);
        resolve({ head: head ?? { status: 200, headers: {} }, body, trailer });
      },
      onError: reject,
    });
  });
}
