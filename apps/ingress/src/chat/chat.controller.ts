import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Model } from '#libs/catalog';
import { type Caller, chatCompletions, GatewayError } from '#libs/contracts';
import { missingKey } from '../auth/credentials.js';
import { ModelCatalog } from '../models/model-catalog.js';
import { ChatExchange, type ExchangeParts } from './chat-exchange.js';
import { type ChatRequest, readChatRequest } from './chat-request.js';

/** Nest injection token of the `ExchangeParts`. */
export const EXCHANGE_PARTS = Symbol.for('modapi.ingress.exchange-parts');

/** `POST /v1/chat/completions`: everything that can be refused is refused here, before a worker hears of it. */
@Controller()
export class ChatController {
  constructor(
    @Inject(EXCHANGE_PARTS) private readonly parts: ExchangeParts,
    private readonly models: ModelCatalog,
  ) {}

  @Post(chatCompletions.path)
  @HttpCode(200)
  complete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const { record } = request;
    record.endpoint = chatCompletions.id;
    const chat = readChatRequest(request.body);
    // A name that is no model is a stranger's text: it stays out of the log.
    const model = this.models.getForChat(chat.model);
    record.model = model.id;
    refuseTooMuchOutput(chat, model);
    reply.hijack();
    const head = headOf(request.id, callerOf(request), chat);
    const { contextTokens } = model;
    new ChatExchange(this.parts, { request, reply, head, body: chat.body, contextTokens }).start();
  }
}

function headOf(
  requestId: string,
  caller: Caller,
  chat: ChatRequest,
): ConstructorParameters<typeof ChatExchange>[1]['head'] {
  return {
    requestId,
    endpoint: chatCompletions.id,
    model: chat.model,
    stream: chat.stream,
    includeUsage: chat.includeUsage,
    caller,
    attemptsMade: 0,
    spans: chat.spans,
  };
}

function callerOf(request: FastifyRequest): Caller {
  const { caller } = request.record;
  if (!caller) throw missingKey();
  return caller;
}

function refuseTooMuchOutput({ outputLimit }: ChatRequest, model: Model): void {
  if (!outputLimit || model.maxOutputTokens === null || outputLimit.tokens <= model.maxOutputTokens) return;
  const { param } = outputLimit;
  const message = `\`${param}\` is larger than the ${model.maxOutputTokens} output tokens of \`${model.id}\`.`;
  throw new GatewayError('invalid_value', message, { param });
}
