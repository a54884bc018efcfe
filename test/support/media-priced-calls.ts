import OpenAI, { toFile } from 'openai';
import { sentence } from './media-session.js';

const prompt = 'A quiet harbour at dawn';
const square = '1024x1024';

/** What is uploaded. */
export interface Uploads {
  readonly wav: Buffer;
  readonly png: Buffer;
}

/** One call, and what it costs. */
export interface PricedCall {
  readonly unit: string;
  /** By hand, from the prices in libs/catalog/src/sandbox-media-models.ts. */
  readonly nanos: bigint;
  /** Its price is known before its answer begins, so a header says it. */
  readonly isTold: boolean;
  ask(client: OpenAI, uploads: Uploads): Promise<Response>;
}

/** The SDK resolves with the headers; what comes behind them is read too, since a charge is made at its end. */
async function whole(asked: { asResponse(): Promise<Response> }): Promise<Response> {
  const response = await asked.asResponse();
  await response.arrayBuffer();
  return response;
}

const png = ({ png: bytes }: Uploads) => toFile(bytes, 'square.png', { type: 'image/png' });
/** Four seconds of speech. */
export const wav = ({ wav: bytes }: Uploads) => toFile(bytes, 'speech.wav');
const drawn = { model: 'sandbox/image', prompt, size: square, quality: 'low' } as const;
const sized = { model: 'sandbox/image-sized', prompt } as const;

/** One call of every unit, and of every endpoint. */
export const pricedCalls: readonly PricedCall[] = [
  {
    unit: 'tokens of an embedding: 1,000 × 20',
    nanos: 20_000n,
    isTold: true,
    ask: (client) =>
      whole(
        client.embeddings.create({ model: 'sandbox/embedding', input: Array.from({ length: 1_000 }, (_, id) => id) }),
      ),
  },
  {
    unit: 'searches: 250 documents are 3 × 2,000,000',
    nanos: 6_000_000n,
    isTold: true,
    ask: (client) =>
      whole(
        client.post('/rerank', {
          body: {
            model: 'sandbox/rerank',
            query: 'cat',
            documents: Array.from({ length: 250 }, (_, id) => `cat ${id}`),
          },
        }),
      ),
  },
  {
    unit: 'characters: 8 × 15,000',
    nanos: 120_000n,
    isTold: false,
    ask: (client) => whole(client.audio.speech.create({ model: 'sandbox/speech', voice: 'nova', input: 'Grüße 🌍!' })),
  },
  {
    unit: 'text and audio tokens of speech: 13 × 600 + 80 × 12,000',
    nanos: 967_800n,
    isTold: false,
    ask: (client) =>
      whole(
        client.audio.speech.create({
          ...{ model: 'sandbox/speech-tokens', voice: 'nova', input: sentence },
          stream_format: 'sse',
        }),
      ),
  },
  {
    // Raw samples bring no usage with them, and say by their number how long they are.
    unit: 'the same, as raw samples of four seconds',
    nanos: 967_800n,
    isTold: false,
    ask: (client) =>
      whole(
        client.audio.speech.create({
          ...{ model: 'sandbox/speech-tokens', voice: 'nova', input: sentence },
          response_format: 'pcm',
        }),
      ),
  },
  {
    unit: 'audio and text tokens of a transcript: 40 × 6,000 + 3 × 2,500 + 13 × 10,000',
    nanos: 377_500n,
    isTold: true,
    ask: async (client, uploads) =>
      whole(
        client.audio.transcriptions.create({
          ...{ model: 'sandbox/transcribe', file: await wav(uploads), prompt: 'A river.' },
        }),
      ),
  },
  {
    unit: 'the same, streamed',
    nanos: 377_500n,
    isTold: false,
    ask: async (client, uploads) =>
      whole(
        client.audio.transcriptions.create({
          ...{ model: 'sandbox/transcribe', file: await wav(uploads), prompt: 'A river.' },
          stream: true,
        }),
      ),
  },
  {
    unit: 'seconds heard: 4 × 100,000',
    nanos: 400_000n,
    isTold: true,
    ask: async (client, uploads) =>
      whole(client.audio.transcriptions.create({ model: 'sandbox/whisper', file: await wav(uploads) })),
  },
  {
    unit: 'seconds translated, as text: 4 × 100,000',
    nanos: 400_000n,
    isTold: true,
    ask: async (client, uploads) =>
      whole(
        client.audio.translations.create({
          ...{ model: 'sandbox/whisper', file: await wav(uploads) },
          response_format: 'text',
        }),
      ),
  },
  {
    unit: 'text and image tokens: 5 × 5,000 + 2 × 272 × 32,000',
    nanos: 17_433_000n,
    isTold: true,
    ask: (client) => whole(client.images.generate({ ...drawn, n: 2 })),
  },
  {
    unit: 'the same for one, streamed',
    nanos: 8_729_000n,
    isTold: false,
    ask: (client) => whole(client.images.generate({ ...drawn, stream: true, partial_images: 1 })),
  },
  {
    unit: 'images read: 5 × 5,000 + 2 × 323 × 8,000 + 272 × 32,000',
    nanos: 13_897_000n,
    isTold: true,
    ask: async (client, uploads) =>
      whole(client.images.edit({ ...drawn, image: [await png(uploads), await png(uploads)] })),
  },
  {
    unit: 'images by size and quality: 2 × 80,000,000',
    nanos: 160_000_000n,
    isTold: true,
    ask: (client) => whole(client.images.generate({ ...sized, size: square, quality: 'hd', n: 2 })),
  },
  {
    unit: 'images of another size: 2 × 20,000,000',
    nanos: 40_000_000n,
    isTold: true,
    ask: async (client, uploads) =>
      whole(
        client.images.createVariation({
          ...{ model: 'sandbox/image-sized', image: await png(uploads), size: '256x256' },
          n: 2,
        }),
      ),
  },
  {
    unit: 'pixels: 512 × 512 × 10',
    nanos: 2_621_440n,
    isTold: true,
    ask: (client) => whole(client.images.generate({ model: 'sandbox/image-pixels', prompt, size: '512x512' })),
  },
];
