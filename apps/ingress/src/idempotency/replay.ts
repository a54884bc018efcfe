import type { FastifyReply, FastifyRequest } from 'fastify';
import { replyHeaders } from '../inference/reply-headers.js';
import type { AnswerHeaders } from '../http/answer-headers.js';
import type { StoredAnswer } from './idempotency-answers.js';

/** Gives a stored answer again, whole; the request id and the times are this request's. */
export function replay(request: FastifyRequest, reply: FastifyReply, stored: StoredAnswer, own: AnswerHeaders): void {
  reply.hijack();
  const headers = replyHeaders(stored.headers);
  if (stored.headers['content-type']?.startsWith('text/event-stream')) headers.push('cache-control', 'no-cache');
  headers.push('content-length', String(stored.body.length), 'idempotent-replayed', 'true', ...own.of(request));
  reply.raw.writeHead(stored.status, headers);
  reply.raw.end(stored.body);
}
