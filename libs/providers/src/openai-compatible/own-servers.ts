import type { Provider } from '../provider.js';
import {
  audio,
  chat,
  completions,
  differing,
  embeddings,
  imageEdits,
  images,
  imageVariations,
  rerank,
  responses,
  selfHosted,
  speech,
  transcriptions,
  translations,
} from './compatible.js';

/** Servers that people run themselves, our sandbox among them. */
export const ownServers: readonly Provider[] = [
  selfHosted('ollama', 'Ollama', 'http://localhost:11434/v1', [chat, completions, responses, embeddings]),
  differing(
    selfHosted('vllm', 'vLLM', 'http://localhost:8000/v1', [
      chat,
      completions,
      responses,
      embeddings,
      rerank,
      transcriptions,
      translations,
    ]),
    { quirks: { transcriptFormats: ['json', 'text', 'verbose_json'] } },
  ),
  selfHosted('lm-studio', 'LM Studio', 'http://localhost:1234/v1', [chat, embeddings]),
  selfHosted('llama-cpp', 'llama.cpp', 'http://localhost:8080/v1', [chat, completions, embeddings, rerank]),
  selfHosted('localai', 'LocalAI', 'http://localhost:8080/v1', [
    chat,
    embeddings,
    rerank,
    images,
    imageEdits,
    imageVariations,
    speech,
    transcriptions,
  ]),
  selfHosted('sglang', 'SGLang', 'http://localhost:30000/v1', [chat, embeddings]),
  selfHosted('tgi', 'Text Generation Inference', 'http://localhost:8080/v1', [chat, embeddings]),
  differing(
    selfHosted('openai-compatible', 'Any OpenAI-compatible server', '', [
      chat,
      completions,
      responses,
      embeddings,
      rerank,
      images,
      imageEdits,
      imageVariations,
      audio,
    ]),
    // It may be anyone's, so URLs are passed on as to any vendor.
    { baseUrl: null, keyEnv: null, quirks: {} },
  ),
  differing(
    selfHosted('sandbox', 'ModAPI sandbox', '', [chat, embeddings, rerank, audio, images, imageEdits, imageVariations]),
    {
      baseUrl: null,
      keyEnv: null,
      auth: { kind: 'none' },
      ownServer: true,
    },
  ),
];
