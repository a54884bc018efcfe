import {
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  chatCompletions,
  embeddings,
  imagesEdits,
  imagesGenerations,
  imagesVariations,
  rerank,
} from '#libs/contracts';
import { chatCompletionStream } from './chat-answers.js';
import { type Json, jsonContent, reference } from './document-answers.js';

/** What an endpoint answers when all is well. */
interface EndpointAnswer {
  readonly summary: string;
  readonly content: Json;
}

const binary = { schema: { type: 'string', format: 'binary' } };
const text = { schema: { type: 'string' } };

/** As OpenAI sends them: only images have `event:` lines. */
function events(types: string, isNamed = false): Json {
  const description = [
    `Server-sent events of the types ${types}. Each \`data:\` line holds an event as JSON with its \`type\`;`,
    isNamed ? 'an `event:` line before it names the type too.' : 'there are no `event:` lines.',
    'No `[DONE]` follows. If it breaks off, the last event is',
    '`event: error` with `data: {"error": {…}, "request_id": "req_…"}`.',
    'Lines that begin with `:` are comments that keep the connection open.',
  ].join(' ');
  return { 'text/event-stream': { schema: { type: 'string', description } } };
}

function images(name: 'image_generation' | 'image_edit'): Json {
  return {
    ...jsonContent(reference('Images')),
    ...events(`\`${name}.partial_image\`, then \`${name}.completed\``, true),
  };
}

/** By endpoint id. */
export const endpointAnswers: Readonly<Record<string, EndpointAnswer>> = {
  [chatCompletions.id]: {
    summary: 'Create a chat completion',
    content: { ...jsonContent(reference('ChatCompletion')), 'text/event-stream': { schema: chatCompletionStream } },
  },
  [embeddings.id]: { summary: 'Create embeddings', content: jsonContent(reference('Embeddings')) },
  [rerank.id]: {
    summary: 'Order documents by how well they answer a query',
    content: jsonContent(reference('Ranking')),
  },
  [audioSpeech.id]: {
    summary: 'Create speech',
    content: { 'audio/*': binary, ...events('`speech.audio.delta`, then `speech.audio.done`') },
  },
  [audioTranscriptions.id]: {
    summary: 'Create a transcription',
    content: {
      ...jsonContent(reference('Transcription')),
      'text/plain': text,
      ...events('`transcript.text.delta` and `transcript.text.segment`, then `transcript.text.done`'),
    },
  },
  [audioTranslations.id]: {
    summary: 'Create a translation into English',
    content: { ...jsonContent(reference('Transcription')), 'text/plain': text },
  },
  [imagesGenerations.id]: { summary: 'Create images', content: images('image_generation') },
  [imagesEdits.id]: { summary: 'Edit images', content: images('image_edit') },
  [imagesVariations.id]: {
    summary: 'Create variations of an image',
    content: jsonContent(reference('Images')),
  },
};
