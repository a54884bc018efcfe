import { describe, expect, it } from '@jest/globals';
import type { Endpoint } from '../endpoint.js';
import {
  audioSpeech,
  audioTranscriptions,
  audioTranslations,
  codePoints,
  embeddings,
  imagesEdits,
  imagesGenerations,
  imagesVariations,
  rerank,
} from './index.js';

const image = { image_url: 'data:image/png;base64,AA==' };
const future = { model: 'm', foo: { bar: [null] }, service_tier: 'warp' };
const nulls = (...names: string[]) => Object.fromEntries(names.map((name) => [name, null]));
const placeOf = ({ request }: Endpoint, value: object): string | undefined =>
  request.safeParse({ model: 'm', ...value }).error?.issues[0]?.path.join('.');

describe('requests as JSON', () => {
  it.each<[Endpoint, object]>([
    [embeddings, { input: 'a' }],
    [
      embeddings,
      { input: Array.from({ length: 2_048 }, () => 'a'), ...nulls('dimensions', 'encoding_format', 'user') },
    ],
    [embeddings, { input: Array.from({ length: 8_191 }, () => 1), input_type: 'query' }],
    [embeddings, { input: [[0], [2 ** 31]], encoding_format: 'base64', dimensions: 1 }],
    [rerank, { query: 'q', documents: ['a', { text: 'b', title: 'c' }], top_n: 5_000, return_documents: true }],
    [audioSpeech, { input: 'x'.repeat(4_096), voice: 'of_the_future', speed: 0.25, stream_format: 'sse' }],
    // An emoji is two units of a JavaScript string and one character.
    [audioSpeech, { input: '😀'.repeat(4_096), voice: { id: 'voice_1' }, instructions: 'slowly' }],
    [imagesGenerations, { prompt: 'x'.repeat(32_000), n: 10, size: '1536x1024', quality: 'ultra', style: 'vivid' }],
    [imagesGenerations, { prompt: 'a', stream: true, partial_images: 3, output_format: 'avif', background: 'glass' }],
    [imagesGenerations, { prompt: 'a', ...nulls('n', 'size', 'quality', 'response_format', 'stream', 'user') }],
    [imagesEdits, { prompt: 'a', images: Array.from({ length: 16 }, () => image), mask: image }],
    [imagesEdits, { prompt: 'a', images: [{ image_url: 'https://a.test/b.png', detail: 'high' }], mask: null }],
  ])('pass as they came: %#', (endpoint, changes) => {
    const request = { ...future, ...changes };
    expect(endpoint.request.parse(request)).toEqual(request);
  });

  it.each<[Endpoint, object, string]>([
    [imagesEdits, { prompt: 'a', images: ['https://a.test'] }, 'images.0'],
    [imagesEdits, { prompt: 'a', images: [{ file_id: 'file-1' }] }, 'images.0.image_url'],
    [imagesEdits, { prompt: 'a', images: [image, { image_url: '' }] }, 'images.1.image_url'],
    [imagesEdits, { prompt: 'a', images: [image], mask: 'a' }, 'mask'],
    [audioSpeech, { input: '😀'.repeat(4_097), voice: 'a' }, 'input'],
  ])('are refused with their place: %#', (endpoint, changes, place) => {
    expect(placeOf(endpoint, changes)).toBe(place);
  });
});

describe('fields of forms', () => {
  const fieldsOf = ({ form }: Endpoint, fields: object): unknown => form!.fields.parse({ model: 'm', ...fields });

  it('are texts, read as what they mean', () => {
    const sent = { stream: 'true', temperature: '0.5', response_format: 'json', include: ['logprobs'], foo: '1' };
    expect(fieldsOf(audioTranscriptions, sent)).toEqual({ model: 'm', ...sent, stream: true, temperature: 0.5 });
    expect(fieldsOf(imagesEdits, { prompt: 'a', n: '2', stream: 'false', output_compression: '0' })).toMatchObject({
      n: 2,
      stream: false,
      output_compression: 0,
    });
    expect(fieldsOf(imagesVariations, { n: '10', size: '512x512' })).toMatchObject({ n: 10 });
  });

  it.each<[Endpoint, object, string]>([
    [imagesEdits, { prompt: 'a', n: '1e1000' }, 'n'],
    [imagesEdits, { prompt: 'a', n: '' }, 'n'],
    [imagesEdits, { prompt: 'a', n: 'two' }, 'n'],
    [imagesEdits, { prompt: 'a', stream: 'yes' }, 'stream'],
    [imagesVariations, { n: '11' }, 'n'],
    [audioTranscriptions, { temperature: '-1' }, 'temperature'],
    [audioTranscriptions, { timestamp_granularities: ['word'] }, 'timestamp_granularities'],
    [audioTranscriptions, { stream: 'true', response_format: 'vtt' }, 'response_format'],
    [audioTranslations, { response_format: 'diarized_json' }, 'response_format'],
  ])('are refused by their name: %#', ({ form }, fields, place) => {
    const problem = form!.fields.safeParse({ model: 'm', ...fields }).error?.issues[0];
    expect(String(problem?.path[0])).toBe(place);
  });
});

describe('codePoints', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['Grüße', 5],
    ['👋👋', 2],
    ['\ud83d', 1],
    ['a👋b', 3],
  ])('of %j', (text, count) => expect(codePoints(text)).toBe(count));
});
