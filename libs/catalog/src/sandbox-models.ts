import { chatCompletions, embeddings, rerank } from '#libs/contracts';
import type { Model, Price } from './model.js';
import { type SandboxModel, sandboxMediaModels } from './sandbox-media-models.js';

/** Id of the provider that `MODAPI_SANDBOX_URL` brings, and of its preset. */
export const sandboxProvider = 'sandbox';
const prefix = 'sandbox/';

/** That of a small real model, so that usage and cost are seen from the first call. */
const sandboxPrice: Price = { input: 150_000_000n, input_cached: 75_000_000n, output: 600_000_000n };

const contextTokens = 128_000;
const maxOutputTokens = 16_384;
/** 2026-01-01. */
const created = 1_767_225_600;

const chats: readonly SandboxModel[] = [
  { name: 'chat' },
  { name: 'fast', contextTokens: 16_000_000 },
  { name: 'reasoning', capabilities: ['tools', 'vision', 'json_schema', 'reasoning'] },
];

/** One line per row of the table of faults in docs/sandbox.md. */
const faultNames = [
  'error-400',
  'error-401',
  'error-402',
  'error-403',
  'error-404',
  'error-413',
  'error-422',
  'error-429',
  'error-quota',
  'error-500',
  'error-502',
  'error-503',
  'error-529',
  'slow',
  'slow-stream',
  'truncate',
  'reset',
  'stall',
  'hang',
  'garble',
  'error-in-stream',
  'no-usage',
  'html',
  'empty',
  'flaky',
  'crlf',
  'split-utf8',
];

/** Also where vectors are asked for, which they fail or delay like an answer of a chat that is not streamed. */
const faults: readonly SandboxModel[] = faultNames.map((name) => ({
  name,
  endpoints: [chatCompletions.id, embeddings.id, rerank.id],
}));

/** The models of the sandbox server; they exist only where it runs. */
export const sandboxModels: readonly Model[] = [...chats, ...faults, ...sandboxMediaModels].map(modelOf);

function modelOf({ name, ...model }: SandboxModel): Model {
  const id = prefix + name;
  const endpoints = model.endpoints ?? [chatCompletions.id];
  const isChat = endpoints.includes(chatCompletions.id);
  const price = model.price ?? sandboxPrice;
  return {
    id,
    ownedBy: sandboxProvider,
    created,
    endpoints,
    contextTokens: model.contextTokens === undefined ? contextTokens : model.contextTokens,
    maxOutputTokens: isChat ? maxOutputTokens : null,
    capabilities: model.capabilities ?? (isChat ? ['tools', 'vision', 'json_schema'] : []),
    ...(model.parameters && { parameters: model.parameters }),
    deployments: [
      { id: `${sandboxProvider}/${id}`, provider: sandboxProvider, upstreamModel: id, priority: 0, weight: 1, price },
    ],
  };
}

const byId = new Map(sandboxModels.map((model) => [model.id, model]));

/** By its id, with or without `sandbox/`, as the server takes it. */
export function findSandboxModel(name: string): Model | undefined {
  return byId.get(name) ?? byId.get(prefix + name);
}
