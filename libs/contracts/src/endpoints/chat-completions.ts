import { z } from 'zod';
import { defineEndpoint } from '../endpoint.js';

/** What the gateway must check of a chat completion request (OpenAI OpenAPI, `CreateChatCompletionRequest`). */
export const chatCompletionRequest = z.looseObject({
  model: z.string().min(1).max(256),
  messages: z.array(z.unknown()).min(1).max(10_000),
  stream: z.boolean().nullish(),
});

/** `POST /v1/chat/completions`. */
export const chatCompletions = defineEndpoint({
  id: 'chat.completions',
  modality: 'text',
  method: 'POST',
  path: '/v1/chat/completions',
  request: chatCompletionRequest,
});
