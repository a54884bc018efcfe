import type { IncomingMessage, ServerResponse } from 'node:http';

/** Responses to requests that wait for `100 Continue` before they send their body. */
const waiting = new WeakMap<IncomingMessage, ServerResponse>();

/** A request with `Expect: 100-continue`; told to go on only when its body is wanted. */
export function awaitContinue(raw: IncomingMessage, response: ServerResponse): void {
  waiting.set(raw, response);
}

/** The body is wanted now. Says nothing to those who did not ask. */
export function sendContinue(raw: IncomingMessage): void {
  waiting.get(raw)?.writeContinue();
  waiting.delete(raw);
}
