import type { Provider } from '../provider.js';
import {
  audio,
  billsAborted,
  chat,
  compatible,
  completions,
  differing,
  embeddings,
  embeds,
  imageEdits,
  images,
  keyed,
  moderations,
  rerank,
  responses,
  speech,
  transcribesAs,
  transcriptions,
  translations,
} from './compatible.js';
import { ownServers } from './own-servers.js';

/** Older models take 25 texts. */
const textEmbeddingV4 = { maxInputs: 10, encodings: ['float'] } as const;
const siliconFlow = [chat, embeddings, images, speech, transcriptions, rerank];
const maxTokens = { maxTokensName: 'max_tokens' } as const;

/**
 * Every provider that speaks OpenAI's wire: an entry here is all that a new one needs. Endpoints are those that the
 * vendor's own documentation lists; what is not listed is not called.
 */
export const compatibleProviders: readonly Provider[] = [
  // Model makers
  embeds(
    { maxInputs: 2048 },
    compatible('openai', 'OpenAI', 'https://api.openai.com/v1', [
      chat,
      responses,
      completions,
      embeddings,
      images,
      imageEdits,
      audio,
      moderations,
    ]),
  ),
  keyed(
    'GEMINI_API_KEY',
    billsAborted(
      embeds(
        { maxInputs: 100, dialectFor: ['input_type'] },
        compatible('gemini', 'Google Gemini', 'https://generativelanguage.googleapis.com/v1beta/openai', [
          chat,
          embeddings,
          images,
        ]),
      ),
    ),
  ),
  // Its OpenAI endpoint drops these in silence; a clear refusal is better than an answer that ignored them.
  differing(compatible('anthropic', 'Anthropic', 'https://api.anthropic.com/v1', [chat]), {
    quirks: { unsupported: ['response_format', 'seed', 'logprobs', 'top_logprobs'] },
  }),
  // It makes images of a ratio, and says that it takes none of OpenAI's words for their looks.
  differing(compatible('xai', 'xAI', 'https://api.x.ai/v1', [chat, responses, images]), {
    quirks: { unsupported: ['size', 'quality', 'style'] },
  }),
  // Refuses unknown fields, and sends usage in the last chunk without being asked.
  differing(billsAborted(compatible('mistral', 'Mistral', 'https://api.mistral.ai/v1', [chat, embeddings])), {
    quirks: {
      ...maxTokens,
      noStreamOptions: true,
      embeddings: { maxInputs: 512, dimensionsName: 'output_dimension' },
    },
  }),
  differing(compatible('deepseek', 'DeepSeek', 'https://api.deepseek.com', [chat]), { quirks: maxTokens }),
  embeds(
    { maxInputs: 96, dialectFor: ['dimensions', 'input_type'] },
    compatible('cohere', 'Cohere', 'https://api.cohere.ai/compatibility/v1', [chat, embeddings]),
  ),
  keyed(
    'DASHSCOPE_API_KEY',
    billsAborted(
      embeds(
        textEmbeddingV4,
        compatible('alibaba', 'Alibaba', 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1', [chat, embeddings]),
      ),
    ),
  ),
  keyed(
    'DASHSCOPE_API_KEY',
    billsAborted(
      embeds(
        textEmbeddingV4,
        compatible('alibaba-cn', 'Alibaba (China)', 'https://dashscope.aliyuncs.com/compatible-mode/v1', [
          chat,
          embeddings,
        ]),
      ),
    ),
  ),
  compatible('moonshot', 'Moonshot', 'https://api.moonshot.ai/v1', [chat]),
  keyed('MOONSHOT_API_KEY', compatible('moonshot-cn', 'Moonshot (China)', 'https://api.moonshot.cn/v1', [chat])),
  compatible('zai', 'Z.ai', 'https://api.z.ai/api/paas/v4', [chat, embeddings, images]),
  compatible('zhipu', 'Zhipu', 'https://open.bigmodel.cn/api/paas/v4', [chat, embeddings, images]),
  billsAborted(compatible('minimax', 'MiniMax', 'https://api.minimax.io/v1', [chat, responses])),
  billsAborted(compatible('ai21', 'AI21', 'https://api.ai21.com/studio/v1', [chat])),
  compatible('reka', 'Reka', 'https://api.reka.ai/v1', [chat]),
  embeds({ maxInputs: 100 }, compatible('upstage', 'Upstage', 'https://api.upstage.ai/v1/solar', [chat, embeddings])),
  compatible('inception', 'Inception', 'https://api.inceptionlabs.ai/v1', [chat]),
  keyed('LLAMA_API_KEY', compatible('meta-llama', 'Meta Llama', 'https://api.llama.com/compat/v1', [chat])),
  compatible('stepfun', 'StepFun', 'https://api.stepfun.com/v1', [chat, audio]),
  compatible('xiaomi', 'Xiaomi MiMo', 'https://api.xiaomimimo.com/v1', [chat]),
  keyed('NOVA_API_KEY', compatible('amazon-nova', 'Amazon Nova', 'https://api.nova.amazon.com/v1', [chat])),
  // Says `embedding_type` for what OpenAI calls `encoding_format`.
  embeds(
    { maxInputs: 2048, encodings: [] },
    compatible('jina', 'Jina', 'https://api.jina.ai/v1', [embeddings, rerank]),
  ),
  // Refuses `float`, which is what it sends unasked.
  differing(compatible('voyage', 'Voyage', 'https://api.voyageai.com/v1', [embeddings, rerank]), {
    quirks: {
      embeddings: { maxInputs: 1000, encodings: ['base64'], dimensionsName: 'output_dimension' },
      rerank: { topNName: 'top_k', stringsOnly: true },
    },
  }),
  embeds({ encodings: [] }, compatible('nomic', 'Nomic', 'https://api-atlas.nomic.ai/v1', [embeddings])),
  compatible('recraft', 'Recraft', 'https://external.api.recraft.ai/v1', [images]),
  // Every answer carries usage; stream_options is not among its parameters.
  differing(billsAborted(compatible('perplexity', 'Perplexity', 'https://api.perplexity.ai', [chat])), {
    quirks: { noStreamOptions: true },
  }),

  // Clouds
  differing(
    embeds(
      { maxInputs: 2048 },
      compatible('azure', 'Azure OpenAI', 'https://{resource}.openai.azure.com/openai/v1', [
        chat,
        responses,
        embeddings,
        images,
        imageEdits,
        audio,
      ]),
    ),
    { auth: { kind: 'header', name: 'api-key' } },
  ),
  keyed(
    'GOOGLE_ACCESS_TOKEN',
    billsAborted(
      compatible(
        'vertex',
        'Vertex AI',
        'https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/endpoints/openapi',
        [chat],
      ),
    ),
  ),
  keyed(
    'AWS_BEARER_TOKEN_BEDROCK',
    billsAborted(
      compatible('bedrock', 'Bedrock runtime', 'https://bedrock-runtime.{region}.amazonaws.com/openai/v1', [
        chat,
        responses,
      ]),
    ),
  ),
  keyed(
    'AWS_BEARER_TOKEN_BEDROCK',
    billsAborted(
      compatible('bedrock-mantle', 'Bedrock mantle', 'https://bedrock-mantle.{region}.api.aws/v1', [chat, responses]),
    ),
  ),
  compatible('cloudflare', 'Cloudflare', 'https://api.cloudflare.com/client/v4/accounts/{account}/ai/v1', [
    chat,
    embeddings,
  ]),
  keyed(
    'DATABRICKS_TOKEN',
    compatible('databricks', 'Databricks', 'https://{host}/ai-gateway/mlflow/v1', [chat, embeddings]),
  ),
  keyed(
    'DIGITALOCEAN_ACCESS_TOKEN',
    compatible('digitalocean', 'DigitalOcean', 'https://inference.do-ai.run/v1', [chat]),
  ),
  keyed(
    'SNOWFLAKE_CORTEX_PAT',
    compatible('snowflake', 'Snowflake Cortex', 'https://{account}.snowflakecomputing.com/api/v2/cortex/v1', [chat]),
  ),
  compatible('scaleway', 'Scaleway', 'https://api.scaleway.ai/v1', [chat, embeddings, transcriptions]),
  compatible('ovhcloud', 'OVHcloud', 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1', [chat, embeddings]),
  compatible('stackit', 'STACKIT', 'https://api.openai-compat.model-serving.eu01.onstackit.cloud/v1', [
    chat,
    embeddings,
  ]),
  compatible('vultr', 'Vultr', 'https://api.vultrinference.com/v1', [chat, embeddings, speech]),
  keyed(
    'GITHUB_TOKEN',
    compatible('github-models', 'GitHub Models', 'https://models.github.ai/inference', [chat, embeddings]),
  ),

  // Inference houses
  differing(
    billsAborted(
      compatible('groq', 'Groq', 'https://api.groq.com/openai/v1', [chat, responses, transcriptions, translations]),
    ),
    {
      quirks: {
        unsupported: ['logprobs', 'top_logprobs', 'logit_bias'],
        transcriptFormats: ['json', 'text', 'verbose_json'],
      },
    },
  ),
  differing(
    compatible('together', 'Together', 'https://api.together.ai/v1', [
      chat,
      completions,
      embeddings,
      rerank,
      images,
      audio,
    ]),
    {
      quirks: { transcriptFormats: ['json', 'verbose_json'] },
    },
  ),
  compatible('fireworks', 'Fireworks', 'https://api.fireworks.ai/inference/v1', [chat, completions, embeddings]),
  compatible('deepinfra', 'DeepInfra', 'https://api.deepinfra.com/v1/openai', [chat, embeddings, images]),
  compatible('cerebras', 'Cerebras', 'https://api.cerebras.ai/v1', [chat]),
  billsAborted(compatible('sambanova', 'SambaNova', 'https://api.sambanova.ai/v1', [chat, embeddings])),
  compatible('nvidia', 'NVIDIA', 'https://integrate.api.nvidia.com/v1', [chat, embeddings]),
  billsAborted(compatible('nebius', 'Nebius', 'https://api.tokenfactory.nebius.com/v1', [chat, embeddings, images])),
  compatible('novita', 'Novita', 'https://api.novita.ai/openai', [chat, embeddings]),
  embeds(
    { maxInputs: 32 },
    transcribesAs(['json'], compatible('siliconflow', 'SiliconFlow', 'https://api.siliconflow.com/v1', siliconFlow)),
  ),
  embeds(
    { maxInputs: 32 },
    transcribesAs(
      ['json'],
      compatible('siliconflow-cn', 'SiliconFlow (China)', 'https://api.siliconflow.cn/v1', siliconFlow),
    ),
  ),
  keyed(
    'HF_TOKEN',
    billsAborted(compatible('huggingface', 'Hugging Face', 'https://router.huggingface.co/v1', [chat, responses])),
  ),
  compatible('baseten', 'Baseten', 'https://inference.baseten.co/v1', [chat]),
  keyed('FRIENDLI_TOKEN', compatible('friendli', 'Friendli', 'https://api.friendli.ai/serverless/v1', [chat])),
  compatible('wandb', 'Weights & Biases', 'https://api.inference.wandb.ai/v1', [chat]),
  keyed(
    'IOINTELLIGENCE_API_KEY',
    compatible('io-net', 'io.net', 'https://api.intelligence.io.solutions/api/v1', [chat, embeddings]),
  ),
  compatible('chutes', 'Chutes', 'https://llm.chutes.ai/v1', [chat]),
  compatible('modelscope', 'ModelScope', 'https://api-inference.modelscope.cn/v1', [chat, images]),
  billsAborted(compatible('featherless', 'Featherless', 'https://api.featherless.ai/v1', [chat])),
  compatible('hyperbolic', 'Hyperbolic', 'https://api.hyperbolic.xyz/v1', [chat]),
  keyed(
    'INFERENCE_API_KEY',
    billsAborted(compatible('inference-net', 'Inference.net', 'https://inference.net/v1', [chat])),
  ),
  compatible('nscale', 'Nscale', 'https://inference.api.nscale.com/v1', [chat, images]),
  keyed('OLLAMA_API_KEY', compatible('ollama-cloud', 'Ollama Cloud', 'https://ollama.com/v1', [chat])),

  // Aggregators
  transcribesAs(
    ['json'],
    compatible('openrouter', 'OpenRouter', 'https://openrouter.ai/api/v1', [
      chat,
      responses,
      embeddings,
      speech,
      transcriptions,
    ]),
  ),
  compatible('poe', 'Poe', 'https://api.poe.com/v1', [chat]),
  compatible('helicone', 'Helicone', 'https://ai-gateway.helicone.ai/v1', [chat]),
  compatible('requesty', 'Requesty', 'https://router.requesty.ai/v1', [chat]),
  compatible('zenmux', 'ZenMux', 'https://zenmux.ai/api/v1', [chat]),
  keyed('AI302_API_KEY', compatible('302ai', '302.AI', 'https://api.302.ai/v1', [chat])),
  compatible('llmgateway', 'LLM Gateway', 'https://api.llmgateway.io/v1', [chat]),
  keyed('NANO_GPT_API_KEY', compatible('nanogpt', 'NanoGPT', 'https://nano-gpt.com/api/v1', [chat])),
  compatible('synthetic', 'Synthetic', 'https://api.synthetic.new/openai/v1', [chat]),
  compatible('venice', 'Venice', 'https://api.venice.ai/api/v1', [chat]),

  ...ownServers,
];
