import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type GatewayConfig, gatewayConfig, usageUnits } from '#libs/contracts';
import { buildCatalog } from './build-catalog.js';
import { fitUsage } from './fit-usage.js';
import { sandboxModels } from './sandbox-models.js';

function configOf(rest: Record<string, unknown>): GatewayConfig {
  return gatewayConfig.parse({ apiVersion: 'modapi/v1', ...rest });
}

function build(rest: Record<string, unknown>, sandbox = false) {
  return buildCatalog(configOf(rest), { sandbox });
}

/** Whatever is counted costs nothing. */
const freePrice = Object.fromEntries(usageUnits.map((unit) => [unit, 0n]));

describe('models of modapi.yaml', () => {
  it('appear under their own id, in order of preference', () => {
    const { value, problems } = build({
      providers: { groq: { apiKey: 'env:K' }, mine: { preset: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' } },
      models: [
        {
          id: 'fast-llama',
          ownedBy: 'acme',
          contextTokens: 1000,
          deployments: [
            { provider: 'groq', model: 'llama-3.3-70b-versatile', weight: 3 },
            { provider: 'mine', price: { input: '0.10', output: 0.2 } },
            { provider: 'mine', model: 'llama', free: true, priority: 0 },
          ],
        },
      ],
    });
    expect(problems).toEqual([]);
    const model = value.find('fast-llama');
    expect(model).toMatchObject({ ownedBy: 'acme', contextTokens: 1000, endpoints: ['chat.completions'] });
    expect(model?.deployments).toEqual([
      {
        id: 'groq/llama-3.3-70b-versatile',
        provider: 'groq',
        upstreamModel: 'llama-3.3-70b-versatile',
        priority: 0,
        weight: 3,
        price: { input: 590_000_000n, output: 790_000_000n },
      },
      {
        id: 'mine/fast-llama',
        provider: 'mine',
        upstreamModel: 'fast-llama',
        priority: 1,
        weight: 1,
        price: { input: 100_000_000n, output: 200_000_000n },
      },
      {
        id: 'mine/llama',
        provider: 'mine',
        upstreamModel: 'llama',
        priority: 0,
        weight: 1,
        price: freePrice,
      },
    ]);
  });

  it('say for which endpoints they are and what they take', () => {
    const models = [
      {
        id: 'my-embedder',
        endpoints: ['embeddings'],
        parameters: { dimensions: { oneOf: [256, 512] } },
        deployments: [{ provider: 'vllm', free: true }],
      },
      { id: 'painter', parameters: { n: { max: 4 } }, deployments: [{ provider: 'openai', model: 'dall-e-3' }] },
      { id: 'odd', endpoints: ['embedding'], deployments: [{ provider: 'vllm', free: true }] },
    ];
    const { value, problems } = build({ providers: { vllm: {}, openai: { apiKey: 'env:K' } }, models });
    expect(value.find('my-embedder')).toMatchObject({
      endpoints: ['embeddings'],
      parameters: { dimensions: { oneOf: [256, 512] } },
    });
    expect(value.find('painter')).toMatchObject({
      endpoints: ['images.generations'],
      parameters: { n: { max: 4 }, quality: { oneOf: ['standard', 'hd', 'auto'] } },
    });
    expect(problems).toEqual([
      expect.stringMatching(/^models\[2\]\.endpoints: no endpoint "embedding"; there are chat/),
    ]);
  });

  it('answer on what their price is for, and warn of endpoints that it can not be charged by', () => {
    const model = (id: string, price: object, rest: object = {}) => ({
      ...rest,
      id,
      deployments: [{ provider: 'vllm', price }],
    });
    const { value, problems, warnings } = build({
      providers: { vllm: {} },
      models: [
        model('emb', { input: '0.02' }),
        model('ocr', { input: '0.02' }, { endpoints: ['chat.completions', 'embeddings'] }),
        model('say', { seconds: '0.001' }, { endpoints: ['audio.speech'] }),
        { id: 'gift', deployments: [{ provider: 'vllm', free: true }] },
      ],
    });
    expect([...value.list()].map(({ id, endpoints }) => [id, endpoints])).toEqual([
      ['emb', ['embeddings']],
      ['gift', ['chat.completions']],
      ['ocr', ['chat.completions', 'embeddings']],
      ['say', ['audio.speech']],
    ]);
    expect(problems).toEqual([]);
    expect(warnings).toEqual([
      expect.stringMatching(/^models\[1\]\.deployments\[0\]: .*none for output, so chat\.completions never/),
      expect.stringMatching(/^models\[2\]\.deployments\[0\]: .*none for characters, so audio\.speech never/),
    ]);
  });

  it("prefer the operator's price to the shipped one", () => {
    const price = { input: '9', input_cached: '0', output: '9.5', reasoning: '1' };
    const { value } = build({
      providers: { openai: { apiKey: 'env:K' } },
      models: [{ id: 'openai/gpt-4o-mini', deployments: [{ provider: 'openai', model: 'gpt-4o-mini', price }] }],
    });
    expect(value.find('openai/gpt-4o-mini')?.deployments[0]?.price).toEqual({
      input: 9_000_000_000n,
      input_cached: 0n,
      output: 9_500_000_000n,
      reasoning: 1_000_000_000n,
    });
  });

  it('have a null price and a warning when nobody knows one', () => {
    const { value, problems, warnings } = build({
      providers: { vllm: {} },
      models: [{ id: 'my-model', deployments: [{ provider: 'vllm' }] }],
    });
    expect(value.find('my-model')?.deployments[0]?.price).toBeNull();
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^models\[0\]\.deployments\[0\]: no price .*free: true/)]);
  });

  it('know the sandbox by either name', () => {
    const { value, warnings } = build(
      { models: [{ id: 'demo', deployments: [{ provider: 'sandbox', model: 'chat' }] }] },
      true,
    );
    expect(value.find('demo')).toMatchObject({
      contextTokens: 128_000,
      deployments: [{ upstreamModel: 'chat', price: { input: 150_000_000n } }],
    });
    expect(warnings).toEqual([]);
  });
});

describe('the example of docs/pricing.md', () => {
  it('is a configuration without problems, priced as it says', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/pricing.md'), 'utf8');
    const example = /```yaml\n(.*?)```/s.exec(text)?.[1] ?? '';
    const { value, problems, warnings } = buildCatalog(gatewayConfig.parse(parse(example)), { sandbox: false });
    expect([...problems, ...warnings]).toEqual([]);
    expect(value.find('small')?.deployments.map(({ price }) => price)).toEqual([
      { input: 150_000_000n, input_cached: 75_000_000n, output: 600_000_000n },
      { input: 100_000_000n, input_cached: 50_000_000n, output: 400_000_000n },
    ]);
    expect(value.find('playground')?.deployments[0]?.price).toEqual(freePrice);
  });
});

describe('problems', () => {
  it('are listed all at once, each with its path', () => {
    const { problems } = build({
      providers: { openai: { apiKey: 'env:K' } },
      models: [
        { id: 'a', deployments: [{ provider: 'opnai', model: 'gpt-4o' }] },
        { id: 'b', deployments: [{ provider: 'openai', model: 'gpt-4o', free: true, price: { input: 1, output: 1 } }] },
        { id: 'a', deployments: [{ provider: 'openai', model: 'gpt-4o' }] },
        {
          id: 'c',
          deployments: [
            { provider: 'openai', model: 'gpt-4o' },
            { provider: 'openai', model: 'gpt-4o' },
          ],
        },
      ],
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^models\[0\]\.deployments\[0\]\.provider: "opnai" is not under "providers"; write one of openai/,
      ),
      expect.stringMatching(/^models\[1\]\.deployments\[0\]: has both "price" and "free: true"/),
      expect.stringMatching(/^models\[2\]\.id: "a" is already models\[0\]/),
      expect.stringMatching(/^models\[3\]\.deployments\[1\]: "openai\/gpt-4o" is already a deployment/),
    ]);
  });

  it('name a price that is no decimal of dollars', () => {
    const config = configOf({
      providers: { openai: { apiKey: 'env:K' } },
      models: [{ id: 'a', deployments: [{ provider: 'openai', price: { input: '1', output: '1' } }] }],
    });
    config.models[0]!.deployments[0]!.price = { input: '1', output: '1e-7' };
    expect(buildCatalog(config, { sandbox: false }).problems).toEqual([
      expect.stringMatching(/^models\[0\]\.deployments\[0\]\.price\.output: "1e-7" is no dollar amount/),
    ]);
  });

  it('are not made of names that every object has', () => {
    const { problems, value } = build({
      providers: { openai: { apiKey: 'env:K' } },
      models: [{ id: 'constructor', deployments: [{ provider: 'constructor' }, { provider: 'openai' }] }],
    });
    expect(problems).toEqual([expect.stringContaining('"constructor" is not under "providers"')]);
    expect(value.find('constructor')?.deployments[1]?.price).toBeNull();
  });
});

describe('models of a configured provider', () => {
  it('appear as <provider id>/<model> with their prices and limits', () => {
    const { value } = build({ providers: { fast: { preset: 'groq', apiKey: 'env:K' } } });
    expect(value.find('fast/llama-3.3-70b-versatile')).toMatchObject({
      ownedBy: 'fast',
      contextTokens: 131_072,
      created: Date.UTC(2024, 11, 6) / 1000,
      deployments: [{ id: 'fast/llama-3.3-70b-versatile', provider: 'fast', price: { output: 790_000_000n } }],
    });
    expect(value.list().every((model) => model.deployments.every(({ price }) => price !== null))).toBe(true);
  });

  it('stay away with catalogModels: false, and other providers are not there', () => {
    const { value } = build({ providers: { groq: { apiKey: 'env:K', catalogModels: false } } });
    expect(value.list()).toEqual([]);
    expect(value.find('openai/gpt-4o')).toBeUndefined();
  });
});

describe('the sandbox', () => {
  it('exists only where it runs', () => {
    expect(build({}, true).value.find('sandbox/chat')?.deployments).toEqual([
      {
        id: 'sandbox/sandbox/chat',
        provider: 'sandbox',
        upstreamModel: 'sandbox/chat',
        priority: 0,
        weight: 1,
        price: { input: 150_000_000n, input_cached: 75_000_000n, output: 600_000_000n },
      },
    ]);
    expect(build({}, false).value.list()).toEqual([]);
  });

  it('has its faults wherever the sandbox plays them, at a price that knows what is counted there', () => {
    const fault = sandboxModels.find(({ id }) => id === 'sandbox/error-500');
    expect(fault?.endpoints).toEqual(['chat.completions', 'embeddings', 'rerank']);
    expect([fault?.maxOutputTokens, fault?.capabilities]).toEqual([16_384, ['tools', 'vision', 'json_schema']]);
    const price = fault?.deployments[0]?.price ?? {};
    expect(fitUsage({ searches: 1, input: 9 }, price)).toEqual({ usage: { input: 9 }, measured: { searches: 1 } });
  });

  it('has the models of docs/sandbox.md, with their limits', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/sandbox.md'), 'utf8');
    const documented = [...text.matchAll(/^\| `(sandbox\/[\w-]+)` \|/gm)].map((match) => match[1]);
    expect(documented.length).toBeGreaterThan(25);
    expect(sandboxModels.map((model) => model.id).toSorted()).toEqual(documented.toSorted());
    for (const [, id, context, output] of text.matchAll(/^\| `(sandbox\/[\w-]+)` \|.*\| (\d+) \| (\d+) \|$/gm)) {
      const model = sandboxModels.find((candidate) => candidate.id === id);
      expect([id, model?.contextTokens, model?.maxOutputTokens]).toEqual([id, Number(context), Number(output)]);
    }
  });
});

describe('the catalog', () => {
  it('has a revision that follows its content and nothing else', () => {
    const providers = { groq: { apiKey: 'env:K' } };
    const first = build({ providers }).value.revision;
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(build({ providers: { groq: { apiKey: 'env:OTHER' } } }).value.revision).toBe(first);
    const models = [{ id: 'm', deployments: [{ provider: 'groq', price: { input: '1', output: '1' } }] }];
    const second = build({ providers, models }).value.revision;
    expect(second).not.toBe(first);
    models[0]!.deployments[0]!.price.input = '1.000000001';
    expect(build({ providers, models }).value.revision).not.toBe(second);
  });

  it('lists models by id', () => {
    const ids = build({ providers: { xai: { apiKey: 'env:K' }, groq: { apiKey: 'env:K' } } }, true)
      .value.list()
      .map((model) => model.id);
    expect(ids).toEqual(ids.toSorted());
  });
});
