// Makes src/data/models.json from snapshots of models.dev and LiteLLM (see src/data/NOTICE.md). Run by hand, read the diff:
//   node libs/catalog/generate.mjs <models-dev.json> <models.dev date> <litellm-model-prices.json> <litellm date>
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mediaModels, mediaPresets } from './media-models.mjs';

/** Our preset → where each source keeps its models: provider key at models.dev, `litellm_provider` and key prefix at LiteLLM. */
const presets = {
  ai21: { litellm: ['ai21', ''] },
  '302ai': { modelsDev: '302ai' },
  alibaba: { modelsDev: 'alibaba', litellm: ['dashscope', 'dashscope/'] },
  'alibaba-cn': { modelsDev: 'alibaba-cn' },
  'amazon-nova': { modelsDev: 'nova', litellm: ['amazon_nova', 'amazon_nova/'] },
  anthropic: { modelsDev: 'anthropic', litellm: ['anthropic', ''] },
  azure: { modelsDev: 'azure', litellm: ['azure', 'azure/'] },
  baseten: { modelsDev: 'baseten', litellm: ['baseten', 'baseten/'] },
  cerebras: { modelsDev: 'cerebras', litellm: ['cerebras', 'cerebras/'] },
  chutes: { modelsDev: 'chutes' },
  cloudflare: { modelsDev: 'cloudflare-workers-ai', litellm: ['cloudflare', 'cloudflare/'] },
  cohere: { modelsDev: 'cohere', litellm: ['cohere_chat', ''] },
  databricks: { modelsDev: 'databricks', litellm: ['databricks', 'databricks/'] },
  deepinfra: { modelsDev: 'deepinfra', litellm: ['deepinfra', 'deepinfra/'] },
  deepseek: { modelsDev: 'deepseek', litellm: ['deepseek', 'deepseek/'] },
  digitalocean: { modelsDev: 'digitalocean' },
  featherless: { litellm: ['featherless_ai', 'featherless_ai/'] },
  fireworks: { modelsDev: 'fireworks-ai', litellm: ['fireworks_ai', 'fireworks_ai/'] },
  friendli: { modelsDev: 'friendli', litellm: ['friendliai', 'friendliai/'] },
  gemini: { modelsDev: 'google', litellm: ['gemini', 'gemini/'] },
  'github-models': { modelsDev: 'github-models' },
  groq: { modelsDev: 'groq', litellm: ['groq', 'groq/'] },
  helicone: { modelsDev: 'helicone' },
  huggingface: { modelsDev: 'huggingface' },
  hyperbolic: { litellm: ['hyperbolic', 'hyperbolic/'] },
  inception: { modelsDev: 'inception', litellm: ['inception', 'inception/'] },
  'inference-net': { modelsDev: 'inference' },
  'io-net': { modelsDev: 'io-net' },
  llmgateway: { modelsDev: 'llmgateway' },
  'meta-llama': { modelsDev: 'llama', litellm: ['meta_llama', 'meta_llama/'] },
  minimax: { modelsDev: 'minimax', litellm: ['minimax', 'minimax/'] },
  mistral: { modelsDev: 'mistral', litellm: ['mistral', 'mistral/'] },
  modelscope: { modelsDev: 'modelscope' },
  moonshot: { modelsDev: 'moonshotai', litellm: ['moonshot', 'moonshot/'] },
  'moonshot-cn': { modelsDev: 'moonshotai-cn' },
  nanogpt: { modelsDev: 'nano-gpt' },
  nebius: { modelsDev: 'nebius', litellm: ['nebius', 'nebius/'] },
  novita: { modelsDev: 'novita-ai', litellm: ['novita', 'novita/'] },
  nscale: { litellm: ['nscale', 'nscale/'] },
  nvidia: { modelsDev: 'nvidia' },
  openai: { modelsDev: 'openai', litellm: ['openai', ''] },
  openrouter: { modelsDev: 'openrouter', litellm: ['openrouter', 'openrouter/'] },
  ovhcloud: { modelsDev: 'ovhcloud', litellm: ['ovhcloud', 'ovhcloud/'] },
  perplexity: { modelsDev: 'perplexity', litellm: ['perplexity', 'perplexity/'] },
  poe: { modelsDev: 'poe' },
  requesty: { modelsDev: 'requesty' },
  sambanova: { litellm: ['sambanova', 'sambanova/'] },
  scaleway: { modelsDev: 'scaleway', litellm: ['scaleway', 'scaleway/'] },
  siliconflow: { modelsDev: 'siliconflow' },
  'siliconflow-cn': { modelsDev: 'siliconflow-cn' },
  snowflake: { modelsDev: 'snowflake-cortex', litellm: ['snowflake', 'snowflake/'] },
  stackit: { modelsDev: 'stackit' },
  stepfun: { modelsDev: 'stepfun-ai' },
  synthetic: { modelsDev: 'synthetic' },
  together: { modelsDev: 'togetherai', litellm: ['together_ai', 'together_ai/'] },
  upstage: { modelsDev: 'upstage' },
  venice: { modelsDev: 'venice' },
  vultr: { modelsDev: 'vultr' },
  wandb: { modelsDev: 'wandb', litellm: ['wandb', 'wandb/'] },
  xai: { modelsDev: 'xai', litellm: ['xai', 'xai/'] },
  xiaomi: { modelsDev: 'xiaomi' },
  zai: { modelsDev: 'zai', litellm: ['zai', 'zai/'] },
  zenmux: { modelsDev: 'zenmux' },
  zhipu: { modelsDev: 'zhipuai' },
};

/** Models of other modalities that models.dev lists with text output. */
const notChat =
  /embed|rerank|whisper|transcri|(^|[-/_])(tts|asr|ocr|stt)([-/_]|$)|moderation|realtime|speech|dall-e|image|imagine|video|veo-|sora|lyria|deep-research|computer-use|audio|search-(preview|api)|flux|diffusion|sdxl|(^|\/)container$|bge-|minilm|music|voice/i;
/** LiteLLM's pseudo models: fine-tunes, regions of Azure, price classes by size. */
const notAModel = /^ft:|^(eu|us|global|global-standard)\/|^fireworks-ai-|^together-ai-|\*/;
/** $1,000 per million tokens. LiteLLM holds entries that are wrong by a factor of 100,000 (provider wandb, 2026-08). */
const dearest = 1_000_000_000_000n;
const validId = /^[\w.\-:/@+]{1,200}$/;

const [modelsDevFile, modelsDevDate, litellmFile, litellmDate] = process.argv.slice(2);
if (!litellmDate) throw new Error('usage: generate.mjs <models-dev.json> <date> <litellm.json> <date>');
const modelsDev = JSON.parse(readFileSync(modelsDevFile, 'utf8'));
const litellm = Object.entries(JSON.parse(readFileSync(litellmFile, 'utf8')));

/**
 * A JSON number times 10^places as an exact integer, from its shortest decimal form. The sources hold noise of float
 * sums in the 16th digit; that is rounded to the nearest.
 */
function scaled(number, places) {
  const [, digits, fraction = '', exponent = '0'] = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(number)) ?? [];
  if (digits === undefined) return undefined;
  const shift = places + Number(exponent) - fraction.length;
  const all = BigInt(digits + fraction);
  if (shift >= 0) return all * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return (all + divisor / 2n) / divisor;
}

/** undefined unless both directions cost something: zero is a matter of `free: true`, never of a data file. */
function priceOf(numbers, places, source, date) {
  const [input, cached, output, reasoning] = numbers.map((number) =>
    typeof number === 'number' && number >= 0 ? scaled(number, places) : undefined,
  );
  if (!input || !output || input > dearest || output > dearest) return undefined;
  return {
    input: `${input}`,
    ...(cached !== undefined && cached > 0n && cached !== input && { input_cached: `${cached}` }),
    output: `${output}`,
    ...(reasoning !== undefined && reasoning > 0n && reasoning !== output && { reasoning: `${reasoning}` }),
    source,
    date,
  };
}

function fromModelsDev(key) {
  const found = new Map();
  for (const [id, entry] of Object.entries(modelsDev.providers[key]?.models ?? {})) {
    const model = extended(entry);
    const cost = model.cost ?? {};
    found.set(id, {
      excluded:
        model.status === 'deprecated' || !(model.modalities?.output ?? ['text']).includes('text') || notChat.test(id),
      context: model.limit?.context,
      output: model.limit?.output,
      released: model.release_date,
      can: {
        tools: model.tool_call,
        vision: model.modalities?.input?.includes('image'),
        json_schema: model.structured_output,
        reasoning: model.reasoning,
      },
      price: priceOf(
        [cost.input, cost.cache_read ?? cost.cached_input ?? cost.cache_input, cost.output, cost.reasoning],
        9,
        'models.dev',
        modelsDevDate,
      ),
    });
  }
  return found;
}

function extended(entry) {
  const base = { ...modelsDev.base_models?.[entry.base_model] };
  for (const field of entry.base_model_omit ?? []) delete base[field];
  const limit = { ...base.limit, ...entry.limit };
  return { ...base, ...entry, limit, modalities: { ...base.modalities, ...entry.modalities } };
}

function fromLitellm(provider, prefix) {
  const found = new Map();
  for (const [key, entry] of litellm) {
    if (entry.litellm_provider !== provider || !key.startsWith(prefix)) continue;
    const id = key.slice(prefix.length);
    if (notAModel.test(id)) continue;
    const endpoints = entry.supported_endpoints ?? ['/v1/chat/completions'];
    const ended = entry.deprecation_date !== undefined && entry.deprecation_date < litellmDate;
    found.set(id, {
      excluded: entry.mode !== 'chat' || !endpoints.includes('/v1/chat/completions') || ended || notChat.test(id),
      context: entry.max_input_tokens,
      output: entry.max_output_tokens,
      can: {
        tools: entry.supports_function_calling,
        vision: entry.supports_vision,
        json_schema: entry.supports_response_schema,
        reasoning: entry.supports_reasoning,
      },
      price: priceOf(
        [
          entry.input_cost_per_token,
          entry.cache_read_input_token_cost,
          entry.output_cost_per_token,
          entry.output_cost_per_reasoning_token,
        ],
        15,
        'litellm',
        litellmDate,
      ),
    });
  }
  return found;
}

/** models.dev first: it follows price cuts of aggregators, where LiteLLM kept older prices. LiteLLM fills the gaps. */
function merged(dev, lite) {
  const capabilities = ['tools', 'vision', 'json_schema', 'reasoning'];
  const can = capabilities.filter((name) => dev?.can[name] ?? lite?.can[name] ?? false);
  const price = dev?.price ?? lite?.price;
  const count = (...values) => values.find((value) => Number.isSafeInteger(value) && value > 0);
  const context = count(dev?.context, lite?.context);
  const output = count(dev?.output, lite?.output);
  const released = /^\d{4}-\d{2}-\d{2}$/.test(dev?.released ?? '') ? dev.released : undefined;
  return {
    mode: 'chat',
    ...(context && { context }),
    ...(output && { output }),
    ...(released && { released }),
    ...(can.length > 0 && { can }),
    ...(price && { price }),
  };
}

/** Chat models of a preset: `[id, model]`. */
function chatModels({ modelsDev: devKey, litellm: liteKey }) {
  const dev = devKey ? fromModelsDev(devKey) : new Map();
  const lite = liteKey ? fromLitellm(...liteKey) : new Map();
  return [...new Set([...dev.keys(), ...lite.keys()])]
    .filter((id) => !dev.get(id)?.excluded && !lite.get(id)?.excluded)
    .map((id) => [id, merged(dev.get(id), lite.get(id))]);
}

let total = 0;
let priced = 0;
const providers = [];
for (const preset of [...new Set([...Object.keys(presets), ...mediaPresets])].toSorted()) {
  const chats = presets[preset] ? chatModels(presets[preset]) : [];
  if (presets[preset] && chats.length === 0) throw new Error(`no model for ${preset}: is its key right?`);
  const models = new Map([...mediaModels(preset, { litellm, date: litellmDate, scaled }), ...chats]);
  const lines = [];
  for (const [id, model] of [...models].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    if (!validId.test(id)) continue;
    total += 1;
    if (model.price) priced += 1;
    lines.push(`${JSON.stringify(id)}:${JSON.stringify(model)}`);
  }
  providers.push(`${JSON.stringify(preset)}:{\n${lines.join(',\n')}\n}`);
}
writeFileSync(
  join(import.meta.dirname, 'src', 'data', 'models.json'),
  `{"providers":{\n${providers.join(',\n')}\n}}\n`,
);
console.log(`${total} models, ${priced} of them priced, of ${providers.length} presets`);
