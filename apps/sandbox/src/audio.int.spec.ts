import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { toFile } from 'openai';
import { speechFormats } from './audio/speech-formats.js';
import { type RunningSandbox, startSandbox } from './start-sandbox.js';

let sandbox: RunningSandbox;
let client: OpenAI;

beforeAll(async () => {
  sandbox = await startSandbox({});
  client = new OpenAI({ baseURL: `${sandbox.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => sandbox.close());

const input = 'The river is wide. Who will cross it? Nobody will.';
const seconds = input.length * 0.08;

async function spoken(format: string): Promise<Buffer> {
  const answer = await client.audio.speech.create({
    model: 'sandbox/speech',
    voice: 'alloy',
    input,
    response_format: format as 'mp3',
  });
  expect(answer.headers.get('content-type')).toBe(speechFormats[format]?.contentType);
  return Buffer.from(await answer.arrayBuffer());
}

describe('audio of the sandbox', () => {
  it.each(Object.keys(speechFormats).filter((format) => format !== 'pcm'))(
    'is understood by itself: %s',
    async (format) => {
      const file = await toFile(await spoken(format), `speech.${format}`);
      expect(await client.audio.transcriptions.create({ model: 'sandbox/transcribe', file })).toMatchObject({
        text: input,
        usage: { type: 'tokens', input_token_details: { audio_tokens: Math.ceil(seconds * 10), text_tokens: 0 } },
      });
    },
  );

  it('streams speech as events, with its usage', async () => {
    const answer = await client.audio.speech.create({
      model: 'sandbox/speech-tokens',
      voice: 'alloy',
      input,
      response_format: 'pcm',
      stream_format: 'sse',
    });
    const events = (await answer.text())
      .split('\n\n')
      .filter((event) => event !== '')
      .map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as { type: string; audio: string });
    const audio = Buffer.concat(events.slice(0, -1).map((event) => Buffer.from(event.audio, 'base64')));
    expect(audio.length).toBe(Math.round(seconds * 24_000) * 2);
    expect(events.at(-1)).toMatchObject({
      type: 'speech.audio.done',
      usage: { output_tokens: Math.ceil(seconds * 20) },
    });
  });

  it('has words and segments in verbose_json, and an end', async () => {
    const file = await toFile(await spoken('wav'), 'speech.wav');
    const { segments, words, duration } = await client.audio.transcriptions.create({
      model: 'sandbox/whisper',
      file,
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    expect(segments?.map(({ text }) => text)).toEqual(['The river is wide.', 'Who will cross it?', 'Nobody will.']);
    expect(words?.map(({ word }) => word).join(' ')).toBe(input);
    expect(Number(duration)).toBeCloseTo(seconds);
    expect(segments?.at(-1)?.end).toBeCloseTo(seconds);
  });

  it.each([
    ['srt', /^1\n00:00:00,000 --> 00:00:01,440\nThe river is wide\.\n\n2\n/],
    ['vtt', /^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.440\nThe river is wide\.\n\n/],
    ['text', /^The river is wide\. Who will cross it\? Nobody will\.\n$/],
  ] as const)('writes %s', async (format, pattern) => {
    const file = await toFile(await spoken('mp3'), 'speech.mp3');
    const text = await client.audio.transcriptions.create({ model: 'sandbox/whisper', file, response_format: format });
    expect(text).toMatch(pattern);
  });

  it('streams a transcript, its speakers too', async () => {
    const file = await toFile(await spoken('opus'), 'speech.ogg');
    const stream = await client.audio.transcriptions.create({
      model: 'sandbox/transcribe',
      file,
      stream: true,
      response_format: 'diarized_json',
    });
    const types: string[] = [];
    let text = '';
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === 'transcript.text.delta') text += event.delta;
    }
    expect(text).toBe(input);
    expect(new Set(types)).toEqual(
      new Set(['transcript.text.delta', 'transcript.text.segment', 'transcript.text.done']),
    );
  });

  it('translates what it has spoken, and is measured in seconds', async () => {
    const file = await toFile(await spoken('flac'), 'speech.flac');
    const { text } = await client.audio.translations.create({ model: 'sandbox/whisper', file });
    expect(text).toBe(`[in English] ${input}`);
  });

  it('refuses what is no audio', async () => {
    const file = await toFile(Buffer.from('just a text'), 'speech.mp3');
    await expect(client.audio.transcriptions.create({ model: 'sandbox/whisper', file })).rejects.toMatchObject({
      status: 400,
      param: 'file',
    });
  });
});
