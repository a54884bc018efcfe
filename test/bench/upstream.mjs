// The one mock upstream of all systems, not counted: a provider on OpenAI's wire that answers at once.
// The model name chooses the behaviour; a second port swallows OTLP exports.
import { createServer } from 'node:http';
import {
  bodies,
  burstChunks,
  burstsPerStream,
  dimensions,
  pacedChunks,
  pacedMs,
  slowMs,
  speech,
  tokens,
} from './wire.mjs';

const created = 1_767_225_600;
const usageOf = ({ input, output }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});
const sentence = 'An AI gateway gives many models one door: one key, one wire format, one place for limits and usage. ';
const unary = Buffer.from(
  JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion',
    created,
    model: 'bench-model',
    system_fingerprint: 'fp_bench',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: sentence.repeat(4), refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: usageOf(tokens.unary),
  }),
);
const unaryHeaders = {
  'content-type': 'application/json',
  'content-length': String(unary.length),
  'x-request-id': 'req_bench',
};
const sseHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-request-id': 'req_bench',
};

const event = (choices, usage = null) =>
  Buffer.from(
    `data: ${JSON.stringify({ id: 'chatcmpl-bench', object: 'chat.completion.chunk', created, model: 'bench-model', system_fingerprint: 'fp_bench', choices, usage })}\n\n`,
  );
const content = Array.from({ length: 64 }, (_, index) =>
  event([{ index: 0, delta: { content: `tok${index} ` }, logprobs: null, finish_reason: null }]),
);
const last = event([{ index: 0, delta: {}, logprobs: null, finish_reason: 'stop' }]);
const usage = event([], usageOf(tokens.stream));
const done = Buffer.from('data: [DONE]\n\n');
const ending = { withUsage: Buffer.concat([last, usage, done]), without: Buffer.concat([last, done]) };

/** Each event its own HTTP chunk; those of one tick leave together, as a fast provider's burst does. */
function answerStream(response, end, { everyMs, ticks, perTick }) {
  response.writeHead(200, sseHeaders);
  let left = ticks;
  const tick = () => {
    for (let index = 0; index < perTick; index += 1) response.write(content[index]);
    left -= 1;
    if (left > 0) return;
    clearInterval(timer);
    response.end(end);
  };
  const timer = setInterval(tick, everyMs);
  response.once('close', () => clearInterval(timer));
  if (perTick > 1) tick();
}

const streams = [
  { name: 'bench-bursts"', everyMs: pacedMs, ticks: burstsPerStream, perTick: burstChunks },
  { name: 'bench-burst"', everyMs: pacedMs, ticks: 1, perTick: burstChunks },
  { name: 'bench-slow"', everyMs: slowMs, ticks: 600, perTick: 1 },
  { name: 'bench-paced"', everyMs: pacedMs, ticks: pacedChunks, perTick: 1 },
];

/** Floats as OpenAI prints them: 16 × 1,536 of them are half a megabyte. */
const embedding = Array.from({ length: dimensions }, (_, index) => Number((Math.sin(index) / 40).toFixed(9)));
const inputs = JSON.parse(bodies.embeddings).input;
const embeddings = Buffer.from(
  JSON.stringify({
    object: 'list',
    data: inputs.map((_, index) => ({ object: 'embedding', index, embedding })),
    model: 'bench-embedding',
    usage: { prompt_tokens: 1800, total_tokens: 1800 },
  }),
);
const embeddingHeaders = { ...unaryHeaders, 'content-length': String(embeddings.length) };

const sound = Buffer.alloc(speech.pieceBytes, 0x55);

function speak(response) {
  response.writeHead(200, { 'content-type': 'audio/mpeg', 'x-request-id': 'req_bench' });
  response.write(sound);
  let left = speech.pieces - 1;
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0) response.write(sound);
    else response.end(sound);
    if (left <= 0) clearInterval(timer);
  }, speech.everyMs);
  response.once('close', () => clearInterval(timer));
}

/** By the end of the path; everything else is chat. */
const others = {
  '/embeddings': (response) => response.writeHead(200, embeddingHeaders).end(embeddings),
  '/audio/speech': speak,
};

function answer(body, response, url) {
  const other = Object.keys(others).find((path) => url.endsWith(path));
  if (other) {
    others[other](response);
    return;
  }

  if (!body.includes('"stream":true')) {
    response.writeHead(200, unaryHeaders);
    response.end(unary);
    return;
  }
  const end = body.includes('"include_usage":true') ? ending.withUsage : ending.without;
  const stream = streams.find(({ name }) => body.includes(name));
  if (stream) answerStream(response, end, stream);
  else response.writeHead(404).end();
}

const server = createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => answer(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), response, request.url));
});
server.keepAliveTimeout = 600_000;

const sink = createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});

server.listen(0, '127.0.0.1', 4096, () =>
  sink.listen(0, '127.0.0.1', () => process.send({ port: server.address().port, otlpPort: sink.address().port })),
);
process.on('disconnect', () => process.exit(0));
