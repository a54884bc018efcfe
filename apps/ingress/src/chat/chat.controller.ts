import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Model } from '#libs/catalog';
import { chatCompletions, GatewayError, type InferenceCallHead } from '#libs/contracts';
import { Admission, needsAdmission, priceFor } from '../admission/admission.js';
import { missingKey } from '../auth/credentials.js';
import type { Identity } from '../auth/key.authenticator.js';
import { assertModelAllowed } from '../auth/key-policy.js';
import { AnswerRecorder } from '../idempotency/answer-recorder.js';
import { IdempotencyAnswers } from '../idempotency/idempotency-answers.js';
import { claimOf, type IdempotencyClaim, readIdempotencyKey } from '../idempotency/idempotency-key.js';
import { replay } from '../idempotency/replay.js';
import type { LimitTicket } from '../limits/rate-limits.js';
import { ModelCatalog } from '../models/model-catalog.js';
import { ChatExchange, type ExchangeParts } from './chat-exchange.js';
import { type ChatHold, chatHoldOf } from './chat-hold.js';
import { type ChatRequest, readChatRequest } from './chat-request.js';

/** Nest injection token of the `ExchangeParts`. */
export const EXCHANGE_PARTS = Symbol.for('modapi.ingress.exchange-parts');

/** A request that may be called, unless its money is to be held first. */
interface Wanted {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly identity: Identity;
  readonly chat: ChatRequest;
  readonly model: Model;
}

/** `POST /v1/chat/completions`: everything that can be refused is refused here, before a worker hears of it. */
@Controller()
export class ChatController {
  constructor(
    @Inject(EXCHANGE_PARTS) private readonly parts: ExchangeParts,
    private readonly models: ModelCatalog,
    private readonly admission: Admission,
    private readonly answers: IdempotencyAnswers,
  ) {}

  @Post(chatCompletions.path)
  @HttpCode(200)
  complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    const { record } = request;
    record.endpoint = chatCompletions.id;
    const identity = identityOf(request);
    const key = readIdempotencyKey(request.raw);
    const chat = readChatRequest(request.body);
    // A name that is no model is a stranger's text: it stays out of the log.
    const model = this.models.getForChat(chat.model);
    record.model = model.id;
    assertModelAllowed(identity.policy, model.id);
    refuseTooMuchOutput(chat, model);
    const wanted: Wanted = { request, reply, identity, chat, model };
    const claim = key === undefined ? undefined : claimOf(key, chat.body);
    const limited = this.admitUnderLimits(wanted);
    if (limited) return limited.then((ticket) => this.startLimited(wanted, claim, ticket));
    return this.begin(wanted, claim);
  }

  /** Undefined, at once, for keys without limits. */
  private admitUnderLimits({ request, identity, chat, model }: Wanted): Promise<LimitTicket> | undefined {
    const { limits } = identity.policy;
    if (limits.length === 0) return undefined;
    return this.admission.limits.admit(limits, {
      requestId: request.id,
      model: model.id,
      tokens: likelyTokens(chat, model),
    });
  }

  private startLimited(wanted: Wanted, claim: IdempotencyClaim | undefined, ticket: LimitTicket): void | Promise<void> {
    const { request, reply } = wanted;
    const { record } = request;
    record.limitHeaders = ticket.headers;
    if (reply.raw.destroyed) {
      ticket.finish(0);
      reply.hijack();
      return undefined;
    }
    record.whenClosed(() => ticket.finish(tokensOf(record, reply)));
    return this.begin(wanted, claim);
  }

  /** Nothing is awaited for those whose money need not be held. */
  private begin(wanted: Wanted, claim: IdempotencyClaim | undefined): void | Promise<void> {
    if (needsAdmission(wanted.identity.policy, claim)) return this.startHeld(wanted, claim);
    this.start(wanted, headOf(wanted, null), undefined);
    return undefined;
  }

  private async startHeld(wanted: Wanted, idempotency: IdempotencyClaim | undefined): Promise<void> {
    const { request, reply, identity, chat, model } = wanted;
    const { caller, policy } = identity;
    const { largestUsage, hold } = chatHoldOf(chat, model);
    const [requestId, endpoint, price] = [request.id, chatCompletions.id, priceFor(policy, model.id)];
    const applicant = { requestId, caller, endpoint, model, price, largestUsage, idempotency };
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
    const name = idempotency && { organizationId: caller.organizationId, endpoint, key: idempotency.key, requestId };
    this.start(wanted, headOf(wanted, hold), name && new AnswerRecorder(this.answers, name));
  }

  private start(wanted: Wanted, head: InferenceCallHead, recorder: AnswerRecorder | undefined): void {
    const { request, reply, chat, model } = wanted;
    reply.hijack();
    const { contextTokens } = model;
    new ChatExchange(this.parts, { request, reply, head, body: chat.body, contextTokens, recorder }).start();
  }
}

function headOf({ request, identity, chat }: Wanted, hold: ChatHold['hold'] | null): InferenceCallHead {
  const price = priceFor(identity.policy, chat.model);
  return {
    requestId: request.id,
    endpoint: chatCompletions.id,
    model: chat.model,
    stream: chat.stream,
    includeUsage: chat.includeUsage,
    caller: identity.caller,
    attemptsMade: 0,
    hold,
    ...(price && { price }),
    spans: chat.spans,
  };
}

function identityOf({ record }: FastifyRequest): Identity {
  if (!record.identity) throw missingKey();
  return record.identity;
}

/** What was refused or failed has used none; of what broke off nobody knows. */
function tokensOf({ tokens }: FastifyRequest['record'], { raw }: FastifyReply): number | undefined {
  return tokens ?? (raw.statusCode >= 400 ? 0 : undefined);
}

/** Half of what is held for the prompt, which is an upper bound, and the answer as it is held. */
function likelyTokens(chat: ChatRequest, model: Model): number {
  const { input = 0, output = 0 } = chatHoldOf(chat, model).largestUsage;
  return Math.ceil(input / 2) + output;
}

function refuseTooMuchOutput({ outputLimit }: ChatRequest, model: Model): void {
  if (!outputLimit || model.maxOutputTokens === null || outputLimit.tokens <= model.maxOutputTokens) return;
  const { param } = outputLimit;
  const message = `\`${param}\` is larger than the ${model.maxOutputTokens} output tokens of \`${model.id}\`.`;
  throw new GatewayError('invalid_value', message, { param });
}
