import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { GatewayError } from '#libs/contracts';
import { BodyBudget, type BodyShare } from './body-budget.js';
import { inflate } from './inflated-body.js';
import { sendContinue } from './expect-continue.js';
import type { DoorLimits } from './limits.js';
import { encodingProblem, isGzip, jsonTypeProblem } from './media-type.js';
import { PieceList, tooLarge } from './piece-list.js';

/** What the body parser of Fastify reports back. */
type Done = (error: Error | null, body?: Buffer) => void;

/**
 * Reads request bodies as raw bytes, bounded: each by a limit, large ones together by a budget, from their first byte
 * to the end of the answer. What need not be read (wrong type, too long by its own account, an unknown URL) is not read.
 */
export class BodyIntake {
  private readonly budget: BodyBudget;

  constructor(private readonly limits: DoorLimits) {
    this.budget = new BodyBudget(limits);
  }

  read(request: FastifyRequest, done: Done): void {
    const problem = this.problemOf(request.raw);
    if (problem) done(problem);
    else this.collect(request, done);
  }

  private problemOf(raw: IncomingMessage): GatewayError | undefined {
    const { headers } = raw;
    const problem = jsonTypeProblem(headers['content-type']) ?? encodingProblem(headers['content-encoding']);
    if (problem) return problem;
    return Number(headers['content-length'] ?? 0) > this.limits.bodyBytes ? tooLarge(this.limits.bodyBytes) : undefined;
  }

  private collect(request: FastifyRequest, done: Done): void {
    const { raw } = request;
    sendContinue(raw);
    const share = this.shareOf(request);
    const finish: Done = (error, body) => {
      clearTimeout(timer);
      // A refused body is dropped at once; another one is held until its answer ended.
      if (error) share.release();
      done(error, body);
    };
    const reading = new Reading(new PieceList(this.limits.bodyBytes, share), (error, body) => {
      if (error || !isGzip(raw.headers['content-encoding'])) finish(error, body);
      else inflate(body, new PieceList(this.limits.bodyBytes, share, body.length), finish);
    });
    const timer = setTimeout(() => reading.late(), this.limits.requestMs);
    raw.on('data', (chunk: Buffer) => reading.chunk(chunk));
    raw.once('end', () => reading.end());
    raw.once('error', () => reading.broken());
    raw.once('close', () => reading.broken());
  }

  private shareOf(request: FastifyRequest): BodyShare {
    const share = this.budget.share();
    request.record.whenClosed(() => share.release());
    return share;
  }
}

/** One body on its way in. */
class Reading {
  private over = false;

  constructor(
    private readonly pieces: PieceList,
    private readonly onEnd: (error: GatewayError | null, body: Buffer) => void,
  ) {}

  chunk(chunk: Buffer): void {
    if (this.over) return;
    const problem = this.pieces.add(chunk);
    if (problem) this.finish(problem);
  }

  end(): void {
    if (!this.over) this.finish(null, this.pieces.join());
  }

  /** Node's own limit on the time of a request is that of the longest forms. */
  late(): void {
    if (this.over) return;
    this.finish(new GatewayError('request_timeout', 'The request did not arrive in time. Send it faster.'));
  }

  /** Also called when a request that was read closes: an error made for nothing costs 5 µs. */
  broken(): void {
    if (this.over) return;
    this.finish(new GatewayError('bad_request', 'The request body ended before its announced length.'));
  }

  private finish(error: GatewayError | null, body: Buffer = Buffer.alloc(0)): void {
    if (this.over) return;
    this.over = true;
    this.pieces.clear();
    this.onEnd(error, body);
  }
}
