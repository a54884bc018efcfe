import { chatCompletions } from '#libs/contracts';
import type { Capability, Model, Price } from './model.js';

/** Id of the provider that `MODAPI_SANDBOX_URL` brings, and of its preset. */
export const sandboxProvider = 'sandbox';
const prefix = 'sandbox/';

/** That of a small real model, so that usage and cost are seen from the first call. */
const sandboxPrice: Price = { input: 150_000_000n, input_cached: 75_000_000n, output: 600_000_000n };

const contextTokens = 128_000;
const maxOutputTokens = 16_384;
/** 2026-01-01. */
const created = 1_767_225_600;

interface SandboxModel {
  readonly name: string;
  readonly contextTokens?: number;
  readonly capabilities?: readonly Capability[];
}

const chats: readonly SandboxModel[] = [
  { name: 'chat' },
  { name: 'fast', contextTokens: 16_000_000 },
  { name: 'reasoning', capabilities: ['tools', 'vision', 'json_schema', 'reasoning'] },
];

/** One line per row of the table of faults in docs/sandbox.md. */
const faults: readonly SandboxModel[] = [
  { name: 'error-400' },
  { name: 'error-401' },
  { name: 'error-402' },
  { name: 'error-403' },
  { name: 'error-404' },
  { name: 'error-413' },
  { name: 'error-422' },
  { name: 'error-429' },
  { name: 'error-quota' },
  { name: 'error-500' },
  { name: 'error-502' },
  { name: 'error-503' },
  { name: 'error-529' },
  { name: 'slow' },
  { name: 'slow-stream' },
  { name: 'truncate' },
  { name: 'reset' },
  { name: 'stall' },
  { name: 'hang' },
  { name: 'garble' },
  { name: 'error-in-stream' },
  { name: 'no-usage' },
  { name: 'html' },
  { name: 'empty' },
  { name: 'flaky' },
  { name: 'crlf' },
  { name: 'split-utf8' },
];

/** The models of the sandbox server; they exist only where it runs. */
export const sandboxModels: readonly Model[] = [...chats, ...faults].map((model) => {
  const id = prefix + model.name;
  return {
    id,
    ownedBy: sandboxProvider,
    created,
    endpoints: [chatCompletions.id],
    contextTokens: model.contextTokens ?? contextTokens,
    maxOutputTokens,
    capabilities: model.capabilities ?? ['tools', 'vision', 'json_schema'],
    deployments: [
      {
        id: `${sandboxProvider}/${id}`,
        provider: sandboxProvider,
        upstreamModel: id,
        priority: 0,
        weight: 1,
        price: sandboxPrice,
      },
    ],
  };
});

const byId = new Map(sandboxModels.map((model) => [model.id, model]));

/** By its id, with or without `sandbox/`, as the server takes it. */
export function findSandboxModel(name: string): Model | undefined {
  return byId.get(name) ?? byId.get(prefix + name);
}
