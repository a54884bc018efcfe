import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ArgumentsHost, Catch, type ExceptionFilter, Inject } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '#libs/contracts';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { AnswerHeaders } from './answer-headers.js';
import { type ErrorAnswer, errorAnswer } from './error-answer.js';
import { toGatewayError } from './foreign-error.js';
import { RequestRecord } from './request-record.js';
import { pathOf } from './request-target.js';
import { RouteTable } from './route-table.js';

/** How long the rest of a refused body is read and thrown away, so that the caller is still there for the answer. */
const lingerMs = 1_000;
const shortBodyBytes = 64 * 1024;

/** The one filter: every error of a request, in OpenAI's shape. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly routes: RouteTable,
    private readonly answerHeaders: AnswerHeaders,
  ) {}

  catch(exception: unknown, host: ArgumentsHost): void {
    // A handler on the bus, in a standalone: its transport tells the caller.
    if (host.getType() !== 'http') throw exception;
    const http = host.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    // Without a record the request failed before the first hook.
    request.record ??= new RequestRecord(request.id, undefined, true);
    const mapped = toGatewayError(exception);
    const error = mapped.code === 'unknown_url' ? this.unknownUrl(request) : mapped;
    request.record.code = error.code;
    if (error.status >= 500) this.report(request, error);
    if (reply.sent || reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    const answer = errorAnswer(error);
    if (error.code === 'method_not_allowed') answer.headers['allow'] = this.allowed(request).join(', ');
    // What was late is not awaited any longer.
    if (hasUnreadBody(request.raw) || error.code === 'request_timeout') this.answerUnread(request, reply, answer);
    else void reply.code(answer.status).headers(answer.headers).send(answer.body);
  }

  /** An unknown path, or a known one that has other methods. */
  private unknownUrl(request: FastifyRequest): GatewayError {
    const path = pathOf(request.originalUrl);
    const url = `${request.method} ${path.length > 200 ? `${path.slice(0, 200)}…` : path}`;
    const methods = this.allowed(request);
    if (methods.length === 0) return new GatewayError('unknown_url', `Invalid URL (${url}).`);
    return new GatewayError('method_not_allowed', `Invalid method (${url}). Use ${methods.join(' or ')}.`);
  }

  private allowed(request: FastifyRequest): readonly string[] {
    return this.routes.methodsOf(request.raw.url ?? '/') ?? [];
  }

  private answerUnread(request: FastifyRequest, reply: FastifyReply, answer: ErrorAnswer): void {
    const headers = Object.entries(answer.headers).flat();
    headers.push('content-length', String(Buffer.byteLength(answer.body)), ...this.answerHeaders.of(request, 'close'));
    reply.hijack();
    reply.raw.writeHead(answer.status, headers);
    reply.raw.write(answer.body);
    linger(request.raw, reply.raw);
  }

  private report(request: FastifyRequest, error: GatewayError): void {
    const { record } = request;
    const cause = error.cause instanceof Error ? error.cause : error;
    const fields = { requestId: record.id, code: error.code, error: cause };
    if (error.code === 'internal_error') this.logger.error(fields, 'a request failed inside the gateway');
    else this.logger.warn(fields, 'a request failed');
  }
}

/** A short rest is read by Node itself, and the connection goes on. */
function hasUnreadBody(raw: IncomingMessage): boolean {
  if (raw.complete) return false;
  // Whether the body still comes is the client's choice: what follows on the connection could be either.
  if (raw.headers.expect !== undefined) return true;
  return raw.headers['transfer-encoding'] !== undefined || Number(raw.headers['content-length'] ?? 0) > shortBodyBytes;
}

/** Closing a socket that has unread bytes resets it, and the answer is lost with it. */
function linger(raw: IncomingMessage, response: ServerResponse): void {
  const end = (): void => {
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, lingerMs);
  raw.once('end', end);
  raw.once('close', end);
  raw.resume();
}
