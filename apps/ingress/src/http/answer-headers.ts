import type { FastifyRequest } from 'fastify';
import { type CorsPolicy, isPreflight } from './cors-policy.js';
import type { DrainState } from './drain.state.js';

/** The headers that every answer has, error or not, written through Fastify or past it. */
export class AnswerHeaders {
  constructor(
    private readonly cors: CorsPolicy,
    private readonly drain: DrainState,
  ) {}

  /** Names and values in turn: the form that Node sends without looking at it again. */
  of(request: FastifyRequest, connection?: 'close'): string[] {
    const { record } = request;
    const headers = [
      'x-request-id',
      record.id,
      'openai-version',
      '2020-10-01',
      'openai-processing-ms',
      String(record.elapsedMs),
    ];
    if (record.limitHeaders) headers.push(...record.limitHeaders);
    const { origin } = request.headers;
    // A preflight's answer has all of them already, and less than other answers have.
    if (origin !== undefined && !isPreflight(request)) headers.push(...this.cors.headersFor(origin));
    if (connection === 'close' || this.drain.draining) headers.push('connection', 'close');
    return headers;
  }
}
