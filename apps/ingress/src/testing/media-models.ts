import type { Model, Price } from '#libs/catalog';

type Made = Pick<Model, 'id' | 'endpoints'> & Partial<Model> & { readonly price: Price };

function made({ id, price, ...model }: Made): Model {
  const deployment = { id: `acme/${id}`, provider: 'acme', upstreamModel: id, priority: 0, weight: 1, price };
  const limits = { contextTokens: null, maxOutputTokens: null };
  return { id, ownedBy: 'acme', created: 1_767_225_600, ...limits, deployments: [deployment], ...model };
}

const drawing = ['images.generations', 'images.edits', 'images.variations'];
const hearing = ['audio.transcriptions', 'audio.translations'];

/** One model for each way of charging; a nano-dollar times the number for each unit. */
export const mediaModels: readonly Model[] = [
  made({ id: 'embed', endpoints: ['embeddings'], price: { input: 1_000_000n }, contextTokens: 8_192 }),
  made({ id: 'rank', endpoints: ['rerank'], price: { searches: 7_000_000n } }),
  made({ id: 'rank-tokens', endpoints: ['rerank'], price: { input: 1_000_000n } }),
  made({
    id: 'speak',
    endpoints: ['audio.speech'],
    price: { characters: 3_000_000n },
    parameters: { voice: { oneOf: ['alloy', 'ash'] }, instructions: { refused: true } },
  }),
  made({ id: 'speak-tokens', endpoints: ['audio.speech'], price: { input: 1_000_000n, output_audio: 10_000_000n } }),
  made({ id: 'hear', endpoints: hearing, price: { seconds: 5_000_000n } }),
  made({
    id: 'hear-tokens',
    endpoints: hearing,
    price: { input: 1_000_000n, input_audio: 2_000_000n, output: 3_000_000n },
  }),
  made({
    id: 'draw',
    endpoints: drawing,
    price: { images: 9_000_000n, 'images:1024x1024/high': 20_000_000n, 'images:1024x1024/low': 2_000_000n },
  }),
  made({ id: 'draw-pixels', endpoints: drawing, price: { pixels: 1_000_000n } }),
  made({
    id: 'draw-tokens',
    endpoints: drawing,
    price: { input: 1_000_000n, input_image: 2_000_000n, output_image: 3_000_000n },
  }),
];
