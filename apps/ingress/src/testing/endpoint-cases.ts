import type { HttpCase } from './http-case.js';

const invalid = (param: string) => ({ status: 400, code: 'invalid_value', param }) as const;

const embed = (changes: object) => ({ path: '/v1/embeddings', body: { model: 'embed', input: 'a', ...changes } });
const rank = (changes: object) => ({
  path: '/v1/rerank',
  body: { model: 'rank', query: 'q', documents: ['a'], ...changes },
});
const speak = (changes: object) => ({
  path: '/v1/audio/speech',
  body: { model: 'speak', input: 'a', voice: 'alloy', ...changes },
});
const draw = (changes: object) => ({
  path: '/v1/images/generations',
  body: { model: 'draw', prompt: 'a', ...changes },
});
const edit = (changes: object) => ({
  path: '/v1/images/edits',
  body: { model: 'draw', prompt: 'a', images: [{ image_url: 'data:image/png;base64,AA==' }], ...changes },
});

const inputs: readonly [string, unknown][] = [
  ['none', undefined],
  ['a number', 7],
  ['an object', {}],
  ['[]', []],
  ['2,049 items', Array.from({ length: 2_049 }, () => 'a')],
  ['an empty string', ''],
  ['an empty string among others', ['a', '']],
  ['a negative token', [1, -1]],
  ['a negative token in a list', [[1], [-1]]],
  ['half a token', [1.5]],
  ['an empty list of tokens', [[1], []]],
  ['strings and tokens', ['a', 1]],
  ['tokens and strings', [1, 'a']],
  ['lists and strings', [[1], 'a']],
  ['null', [null]],
];

const embeddingCases: readonly HttpCase[] = [
  ...inputs.map(([what, input]) => ({ row: 75, what: `input ${what}`, ...embed({ input }), ...invalid('input') })),
  { row: 76, what: 'float64', ...embed({ encoding_format: 'float64' }), ...invalid('encoding_format') },
  ...[0, -1, 1.5, '3'].map((dimensions) => ({
    row: 76,
    what: `dimensions ${dimensions}`,
    ...embed({ dimensions }),
    ...invalid('dimensions'),
  })),
  ...[undefined, '', 7].map((query) => ({ row: 105, what: `query ${query}`, ...rank({ query }), ...invalid('query') })),
  ...[undefined, [], 'a', Array.from({ length: 1_001 }, () => 'a')].map((documents, index) => ({
    row: 105,
    what: `documents ${index}`,
    ...rank({ documents }),
    ...invalid('documents'),
  })),
  ...[7, '', { title: 'a' }, { text: '' }, null].map((document, index) => ({
    row: 105,
    what: `document ${index}`,
    ...rank({ documents: ['a', document] }),
    ...invalid('documents[1]'),
  })),
  { row: 105, what: 'top_n 0', ...rank({ top_n: 0 }), ...invalid('top_n') },
];

const speechCases: readonly HttpCase[] = [
  ...[undefined, '', 'x'.repeat(4_097), 7].map((input, index) => ({
    row: 106,
    what: `input ${index}`,
    ...speak({ input }),
    ...invalid('input'),
  })),
  ...[undefined, '', {}, { id: '' }, 7].map((voice, index) => ({
    row: 106,
    what: `voice ${index}`,
    ...speak({ voice }),
    ...invalid(index === 3 ? 'voice.id' : 'voice'),
  })),
  ...[0.2, 4.1, '1'].map((speed) => ({ row: 106, what: `speed ${speed}`, ...speak({ speed }), ...invalid('speed') })),
  { row: 106, what: 'midi', ...speak({ response_format: 'midi' }), ...invalid('response_format') },
  { row: 106, what: 'a stream of wav', ...speak({ stream_format: 'wav' }), ...invalid('stream_format') },
];

const sizes = ['99999x99999', '0x0', '8x8', '1024', '1024x', '-1x1024', '1024x1024x3', '1e3x1e3', 1_024];

const imageCases: readonly HttpCase[] = [
  ...sizes.map((size) => ({ row: 77, what: `size ${size}`, ...draw({ size }), ...invalid('size') })),
  ...[0, 11, 1_000, '2', 1.5].map((n) => ({ row: 77, what: `n ${n}`, ...draw({ n }), ...invalid('n') })),
  ...[undefined, '', 'x'.repeat(32_001), 7].map((prompt, index) => ({
    row: 77,
    what: `prompt ${index}`,
    ...draw({ prompt }),
    ...invalid('prompt'),
  })),
  { row: 77, what: 'output_compression 101', ...draw({ output_compression: 101 }), ...invalid('output_compression') },
  { row: 77, what: 'partial_images 4', ...draw({ stream: true, partial_images: 4 }), ...invalid('partial_images') },
  { row: 77, what: 'partial_images, no stream', ...draw({ partial_images: 1 }), ...invalid('partial_images') },
  { row: 77, what: 'response_format gif', ...draw({ response_format: 'gif' }), ...invalid('response_format') },
  { row: 77, what: 'no images', ...edit({ images: [] }), ...invalid('images') },
  {
    row: 77,
    what: '17 images',
    ...edit({ images: Array.from({ length: 17 }, () => ({ image_url: 'https://a.test/b.png' })) }),
    ...invalid('images'),
  },
  {
    row: 77,
    what: 'a file id',
    ...edit({ images: [{ image_url: 'https://a.test/b.png', file_id: 'file-1' }] }),
    ...invalid('images[0].file_id'),
  },
];

const unsupportedValue = (param: string) => ({ status: 400, code: 'unsupported_value', param }) as const;
const unsupported = (param: string) => ({ status: 400, code: 'unsupported_parameter', param }) as const;

const wrongFormat = { status: 415, code: 'unsupported_media_type' } as const;
const asForm = { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: '--b--\r\n' };

/** What every endpoint does alike, on the ones beside chat. */
const sharedCases: readonly HttpCase[] = [
  ...['/v1/audio/transcriptions', '/v1/audio/translations', '/v1/images/variations'].map((path) => ({
    row: 22,
    what: `JSON at ${path}`,
    path,
    body: { model: 'hear' },
    ...wrongFormat,
  })),
  ...['/v1/embeddings', '/v1/audio/speech', '/v1/images/generations'].map((path) => ({
    row: 22,
    what: `a form at ${path}`,
    path,
    ...asForm,
    ...wrongFormat,
  })),
  { row: 25, what: 'half an object to embed', path: '/v1/embeddings', body: '{', status: 400, code: 'invalid_json' },
  {
    row: 31,
    what: 'an input twice',
    path: '/v1/embeddings',
    body: '{"model":"embed","input":"a","input":"b"}',
    status: 400,
    code: 'duplicate_key',
    param: 'input',
  },
  { row: 48, what: 'no model to embed', ...embed({ model: undefined }), ...missing('model') },
  { row: 49, what: 'unknown model to embed', ...embed({ model: 'none' }), ...unknownModel() },
  ...[embed({ model: 'gpt-test' }), draw({ model: 'embed' }), speak({ model: 'draw' })].map((sent) => ({
    row: 51,
    what: `${sent.body.model} at ${sent.path}`,
    ...sent,
    status: 400,
    code: 'model_not_supported' as const,
    param: 'model',
  })),
  { row: 60, what: 'stream "yes" of images', ...draw({ stream: 'yes' }), ...wrongType('stream') },
  ...[embed, rank, speak, draw, edit].map((send) => ({
    row: 65,
    what: `api_base at ${send({}).path}`,
    ...send({ api_base: 'http://127.0.0.1' }),
    status: 400,
    code: 'forbidden_parameter' as const,
    param: 'api_base',
  })),
  { row: 107, what: 'a voice that the model lacks', ...speak({ voice: 'nova' }), ...unsupportedValue('voice') },
  { row: 107, what: 'a parameter that it lacks', ...speak({ instructions: 'slowly' }), ...unsupported('instructions') },
];

function missing(param: string) {
  return { status: 400, code: 'missing_required_parameter', param } as const;
}

function wrongType(param: string) {
  return { status: 400, code: 'invalid_type', param } as const;
}

function unknownModel() {
  return { status: 404, code: 'model_not_found', param: 'model' } as const;
}

/** Values of the parameters of embeddings, audio and images. */
export const endpointCases: readonly HttpCase[] = [...embeddingCases, ...speechCases, ...imageCases, ...sharedCases];
