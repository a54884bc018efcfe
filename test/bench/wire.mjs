// What generator and mock upstream agree on.

/** Paced streams: one event each 20 ms, as a model writes. */
export const pacedMs = 20;
export const pacedChunks = 50;
/** Burst streams: all events at once. */
export const burstChunks = 64;
/** Bursts again and again in one stream, so that the chunks and not the call are what costs. */
export const burstsPerStream = 16;
/** Open slow streams: one event a second. */
export const slowMs = 1000;

/** Every content event of the mock has this, and nothing else does. */
export const contentMarker = Buffer.from('"content":"tok');
export const doneMarker = Buffer.from('data: [DONE]');
/** What the mock says that a call used. */
export const tokens = { unary: { input: 96, output: 88 }, stream: { input: 96, output: 64 } };
/** Dollars per million tokens. */
export const price = { input: '0.15', output: '0.60' };
/** What a call costs at that price; nano-dollars of such prices are whole. */
export const chargeNanos = ({ input, output }) =>
  BigInt(Math.round(1000 * (input * Number(price.input) + output * Number(price.output))));
/** In every right unary answer. */
export const unaryMarker = Buffer.from('one key, one wire format, one place for limits and usage. ');

const messages = [
  { role: 'system', content: 'You are a careful assistant. Answer in plain words, with short sentences and no lists.' },
  {
    role: 'user',
    content: 'Explain AI gateways in one paragraph. '.padEnd(
      480,
      'Say what they do for a team that uses many models. ',
    ),
  },
];

/** Bodies of about 0.73 KB, byte for byte as an SDK would send them. */
const body = (model, stream) =>
  JSON.stringify({
    model,
    messages,
    temperature: 0.7,
    max_tokens: 256,
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  });

/** 16 texts, as long as a paragraph each. */
const texts = Array.from({ length: 16 }, (_, index) => `${index}: ${messages[1].content}`);

export const bodies = {
  embeddings: JSON.stringify({ model: 'bench-embedding', input: texts, encoding_format: 'float' }),
  speech: JSON.stringify({ model: 'bench-speech', voice: 'alloy', input: messages[1].content, response_format: 'mp3' }),
  unary: body('bench-model', false),
  paced: body('bench-paced', true),
  burst: body('bench-burst', true),
  bursts: body('bench-bursts', true),
  slow: body('bench-slow', true),
};
/** Of each text: OpenAI's small model. */
export const dimensions = 1536;
/** In every right embedding. */
export const embeddingMarker = Buffer.from('"object":"embedding"');
/** Speech: the first piece at once, then one each 5 ms, as a voice is synthesised. */
export const speech = { pieces: 16, pieceBytes: 4096, everyMs: 5 };
export const models = ['bench-model', 'bench-paced', 'bench-burst', 'bench-bursts', 'bench-slow'];
/** For other endpoints than chat, with prices in their units. */
export const mediaModels = [
  { id: 'bench-embedding', endpoints: ['embeddings'], price: { input: '0.02' } },
  { id: 'bench-speech', endpoints: ['audio.speech'], price: { characters: '15' } },
];
