import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Model, unsupportedBy } from '#libs/catalog';
import type { Endpoint, InferenceCallHead } from '#libs/contracts';
import { Admission, needsAdmission, priceFor } from '../admission/admission.js';
import { assertChargeable } from '../admission/hold-price.js';
import { missingKey } from '../auth/credentials.js';
import { assertModelAllowed } from '../auth/key-policy.js';
import { AnswerRecorder } from '../idempotency/answer-recorder.js';
import { type IdempotencyClaim, readIdempotencyKey } from '../idempotency/idempotency-key.js';
import { replay } from '../idempotency/replay.js';
import type { LimitTicket } from '../limits/rate-limits.js';
import { ModelCatalog } from '../models/model-catalog.js';
import { namesEvents } from './caller-answer.js';
import { Exchange } from './exchange.js';
import { EXCHANGE_PARTS, type ExchangeParts } from './exchange-parts.js';
import type { OpenedRequest, ReadRequest } from './intake.js';
import { MediaUrl } from './media-url.js';

/** A request that may be called, unless its money is to be held first. */
interface Wanted {
  readonly opened: OpenedRequest;
  readonly reply: FastifyReply;
  readonly read: ReadRequest;
  readonly model: Model;
  readonly claim: IdempotencyClaim | undefined;
}

type Hold = InferenceCallHead['hold'];

/** Everything of a request that can be refused is refused here, before a worker hears of it; whatever its endpoint. */
@Injectable()
export class InferenceDoor {
  constructor(
    @Inject(EXCHANGE_PARTS) private readonly parts: ExchangeParts,
    private readonly models: ModelCatalog,
    private readonly admission: Admission,
    private readonly mediaUrl: MediaUrl,
  ) {}

  /** Before the body is looked at; throws a `GatewayError`. */
  open(request: FastifyRequest, endpoint: Endpoint): OpenedRequest {
    const { record } = request;
    record.endpoint = endpoint.id;
    if (!record.identity) throw missingKey();
    return { request, endpoint, identity: record.identity, idempotencyKey: readIdempotencyKey(request.raw) };
  }

  /** Throws, or rejects with, the `GatewayError` that the caller is told. */
  start(opened: OpenedRequest, reply: FastifyReply, read: ReadRequest): void | Promise<void> {
    const { request, endpoint, identity, idempotencyKey: key } = opened;
    // A form takes its time, and its sender may have left.
    if (request.record.isClosed) {
      reply.hijack();
      return undefined;
    }
    // A name that is no model is a stranger's text: it stays out of the log.
    const model = this.models.getFor(endpoint, read.model);
    request.record.model = model.id;
    assertModelAllowed(identity.policy, model.id);
    assertChargeable(endpoint.id, model, priceFor(identity.policy, model.id));
    const problem = unsupportedBy(model, endpoint.id, read.asked);
    if (problem) throw problem;
    read.refuseFor?.(model);
    const claim = key === undefined ? undefined : { key, fingerprint: read.fingerprint() };
    const wanted: Wanted = { opened, reply, read, model, claim };
    const limited = this.admitUnderLimits(wanted);
    if (limited) return limited.then((ticket) => this.startLimited(wanted, ticket));
    return this.begin(wanted);
  }

  /** Undefined, at once, for keys without limits. */
  private admitUnderLimits({ opened, read, model }: Wanted): Promise<LimitTicket> | undefined {
    const { limits } = opened.identity.policy;
    if (limits.length === 0) return undefined;
    return this.admission.limits.admit(limits, {
      requestId: opened.request.id,
      model: model.id,
      tokens: read.likelyTokens(model),
    });
  }

  private startLimited(wanted: Wanted, ticket: LimitTicket): void | Promise<void> {
    const { opened, reply } = wanted;
    const { record } = opened.request;
    record.limitHeaders = ticket.headers;
    if (reply.raw.destroyed) {
      ticket.finish(0);
      reply.hijack();
      return undefined;
    }
    record.whenClosed(() => ticket.finish(tokensOf(record, reply)));
    return this.begin(wanted);
  }

  /** Nothing is awaited for those whose money need not be held. */
  private begin(wanted: Wanted): void | Promise<void> {
    if (needsAdmission(wanted.opened.identity.policy, wanted.claim)) return this.startHeld(wanted);
    this.exchange(wanted, null, undefined);
    return undefined;
  }

  private async startHeld(wanted: Wanted): Promise<void> {
    const { opened, reply, read, model, claim: idempotency } = wanted;
    const { request, identity } = opened;
    const { caller, policy } = identity;
    const [requestId, endpoint, price] = [request.id, opened.endpoint.id, priceFor(policy, model.id)];
    const largestUsage = read.largestUsage(model);
    const applicant = { requestId, caller, endpoint, model, price, largestUsage, idempotency };
    const hold = read.hold(model);
    const admitted = await this.admission.admit(applicant);
    if (admitted.outcome === 'replay') {
      request.record.tokens = 0;
      replay(request, reply, admitted.answer, this.parts.answerHeaders);
      return;
    }
    if (reply.raw.destroyed) {
      this.admission.release(requestId);
      reply.hijack();
      return;
    }
    this.exchange(wanted, hold, this.recorderOf(wanted));
  }

  private recorderOf({ opened, claim }: Wanted): AnswerRecorder | undefined {
    if (!claim) return undefined;
    const { request, endpoint, identity } = opened;
    const { organizationId } = identity.caller;
    const name = { organizationId, endpoint: endpoint.id, key: claim.key, requestId: request.id };
    return new AnswerRecorder(this.admission.answers, name, namesEvents(endpoint.id));
  }

  private exchange(wanted: Wanted, hold: Hold, recorder: AnswerRecorder | undefined): void {
    const { opened, reply, read, model } = wanted;
    const { request, endpoint } = opened;
    const head = this.headOf(wanted, hold);
    reply.hijack();
    const { running } = read;
    new Exchange(this.parts, { request, reply, endpoint, head, running, model, recorder }).start();
  }

  private headOf({ opened, read }: Wanted, hold: Hold): InferenceCallHead {
    const { request, endpoint, identity } = opened;
    const price = priceFor(identity.policy, read.model);
    const mediaUrl = endpoint.modality === 'image' ? this.mediaUrl.of(request) : undefined;
    return {
      requestId: request.id,
      endpoint: endpoint.id,
      model: read.model,
      stream: read.stream,
      caller: identity.caller,
      attemptsMade: 0,
      hold,
      ...(price && { price }),
      ...read.head,
      ...(mediaUrl !== undefined && { mediaUrl }),
    };
  }
}

/** What was refused or failed has used none; of what broke off nobody knows. */
function tokensOf({ tokens }: FastifyRequest['record'], { raw }: FastifyReply): number | undefined {
  return tokens ?? (raw.statusCode >= 400 ? 0 : undefined);
}
