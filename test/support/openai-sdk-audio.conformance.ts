import { beforeAll, expect, it } from '@jest/globals';
import OpenAI, { toFile } from 'openai';
import { eventsOf } from './checked-answers.js';
import { soundOf } from './media-files.js';
import { type MediaSession, sentence, sentenceSeconds } from './media-session.js';

const spoken = { model: 'sandbox/speech', voice: 'alloy', input: sentence };
const formats = [
  ['mp3', 'audio/mpeg', 'mp3'],
  ['opus', 'audio/ogg', 'opus'],
  ['aac', 'audio/aac', 'aac'],
  ['flac', 'audio/flac', 'flac'],
  ['wav', 'audio/wav', 'pcm_s16le'],
  ['pcm', 'audio/pcm', 'pcm_s16le'],
] as const;
/** Frames of lossy formats end where they end. */
const tolerance = 0.06;
const [tokens, seconds] = ['sandbox/transcribe', 'sandbox/whisper'];

type Format = (typeof formats)[number][0];

/** Its parts as they came. */
async function partsOf(answer: Response): Promise<Buffer[]> {
  const parts: Buffer[] = [];
  for await (const part of answer.body as unknown as AsyncIterable<Uint8Array>) parts.push(Buffer.from(part));
  return parts;
}

/** `client.audio.speech`. */
export function itSpeaks(session: MediaSession): void {
  it.each(formats)('speaks %s, streamed as it is made, that plays to its end', async (format, contentType, codec) => {
    const answer = await session.client.audio.speech.create({ ...spoken, response_format: format });
    expect(answer.headers.get('content-type')).toBe(contentType);
    expect(answer.headers.get('content-length')).toBeNull();
    const parts = await partsOf(answer);
    expect(parts.length).toBeGreaterThan(1);
    const sound = await soundOf(Buffer.concat(parts), format);
    expect(sound.codec).toBe(codec);
    expect(Math.abs(sound.seconds - sentenceSeconds)).toBeLessThan(tolerance);
  });

  it('speaks mp3 unasked, faster when asked, and with a voice by its id', async () => {
    const { speech } = session.client.audio;
    const answer = await speech.create({ ...spoken, voice: { id: 'voice_1' }, speed: 2, instructions: 'Calmly.' });
    expect(answer.headers.get('content-type')).toBe('audio/mpeg');
    const sound = await soundOf(Buffer.from(await answer.arrayBuffer()), 'mp3');
    expect(Math.abs(sound.seconds - sentenceSeconds / 2)).toBeLessThan(tolerance);
  });

  it.each(formats)('speaks %s as events, with usage in the last', async (format, _type, codec) => {
    const answer = await session.client.audio.speech.create({
      ...spoken,
      model: 'sandbox/speech-tokens',
      response_format: format,
      stream_format: 'sse',
    });
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = eventsOf(await answer.text()) as { type: string; audio?: string; usage?: object }[];
    const deltas = events.slice(0, -1);
    expect(deltas.length).toBeGreaterThan(1);
    expect(new Set(deltas.map(({ type }) => type))).toEqual(new Set(['speech.audio.delta']));
    // Twenty tokens a second.
    expect(events.at(-1)).toMatchObject({ type: 'speech.audio.done', usage: { output_tokens: sentenceSeconds * 20 } });
    const sound = await soundOf(Buffer.concat(deltas.map(({ audio }) => Buffer.from(audio ?? '', 'base64'))), format);
    expect(sound.codec).toBe(codec);
    expect(Math.abs(sound.seconds - sentenceSeconds)).toBeLessThan(tolerance);
  });

  it.each([
    ['response_format', { response_format: 'ogg' as 'mp3' }],
    ['stream_format', { stream_format: 'websocket' as 'sse' }],
    ['voice', { voice: {} as { id: string } }],
    ['speed', { speed: 5 }],
    ['input', { input: 'a'.repeat(4_097) }],
    ['model', { model: 'sandbox/whisper' }],
  ])('refuses a wrong %s of speech', async (param, wrong) => {
    await expect(session.client.audio.speech.create({ ...spoken, ...wrong })).rejects.toMatchObject({
      status: 400,
      param,
    });
  });
}

/** `client.audio.transcriptions` and `client.audio.translations`. */
export function itListens(session: MediaSession): void {
  const files = new Map<Format, Buffer>();
  const upload = (format: Format = 'mp3') => toFile(files.get(format)!, `speech.${format === 'opus' ? 'ogg' : format}`);

  beforeAll(async () => {
    for (const [format] of formats) {
      const answer = await session.client.audio.speech.create({ ...spoken, response_format: format });
      files.set(format, Buffer.from(await answer.arrayBuffer()));
    }
  });

  it.each(['mp3', 'opus', 'flac', 'wav'] as const)('transcribes %s', async (format) => {
    const { text, usage } = await session.client.audio.transcriptions.create({
      model: tokens,
      file: await upload(format),
      language: 'en',
      prompt: 'A river.',
      temperature: 0,
    });
    expect(text).toBe(sentence);
    expect(usage).toMatchObject({ type: 'tokens', input_token_details: { audio_tokens: sentenceSeconds * 10 } });
  });

  it('tells a file by its content, not by its name', async () => {
    const file = await toFile(files.get('flac')!, 'speech.mp3', { type: 'audio/mpeg' });
    expect((await session.client.audio.transcriptions.create({ model: tokens, file })).text).toBe(sentence);
    const text = await toFile(Buffer.from('no sound at all, only words'), 'speech.mp3', { type: 'audio/mpeg' });
    await expect(session.client.audio.transcriptions.create({ model: tokens, file: text })).rejects.toMatchObject({
      status: 400,
      param: 'file',
    });
  });

  it.each([tokens, seconds])('transcribes to text, srt and vtt with %s', async (model) => {
    const { transcriptions } = session.client.audio;
    const file = await upload();
    expect(await transcriptions.create({ model, file, response_format: 'text' })).toBe(`${sentence}\n`);
    const srt = await transcriptions.create({ model, file, response_format: 'srt' });
    expect(srt).toMatch(
      /^1\n00:00:00,000 --> 00:00:01,4\d\d\nThe river is wide\.\n\n2\n.*\n.*\n\n3\n.*\nNobody will\.\n/,
    );
    const vtt = await transcriptions.create({ model, file, response_format: 'vtt' });
    expect(vtt).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:01\.4\d\d\nThe river is wide\.\n\n/);
  });

  it('transcribes to verbose_json with words and segments', async () => {
    const answer = await session.client.audio.transcriptions.create({
      model: seconds,
      file: await upload('wav'),
      response_format: 'verbose_json',
      timestamp_granularities: ['word', 'segment'],
    });
    expect(answer.text).toBe(sentence);
    expect(Number(answer.duration)).toBeCloseTo(sentenceSeconds, 1);
    expect(answer.words?.map(({ word }) => word).join(' ')).toBe(sentence);
    expect(answer.segments?.map(({ text }) => text.trim()).join(' ')).toBe(sentence);
    expect(answer.segments?.at(-1)?.end).toBeCloseTo(sentenceSeconds, 1);
  });

  it('transcribes to diarized_json, whole and streamed', async () => {
    const { transcriptions } = session.client.audio;
    const model = tokens;
    const asked = { model, file: await upload(), response_format: 'diarized_json' as const };
    // The package types it as plain JSON.
    const answer = (await transcriptions.create(asked)) as unknown as OpenAI.Audio.TranscriptionDiarized;
    expect(answer.segments.map(({ speaker }) => speaker)).toEqual(['A', 'B', 'A']);
    const stream = await transcriptions.create({
      model,
      file: await upload(),
      response_format: 'diarized_json',
      stream: true,
    });
    const speakers: string[] = [];
    for await (const event of stream) if (event.type === 'transcript.text.segment') speakers.push(event.speaker);
    expect(speakers).toEqual(['A', 'B', 'A']);
  });

  it('streams a transcript, with usage at its end', async () => {
    const stream = await session.client.audio.transcriptions.create({
      model: tokens,
      file: await upload(),
      stream: true,
    });
    const deltas: string[] = [];
    let last: OpenAI.Audio.TranscriptionStreamEvent | undefined;
    for await (const event of stream) {
      if (event.type === 'transcript.text.delta') deltas.push(event.delta);
      last = event;
    }
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.join('')).toBe(sentence);
    expect(last).toMatchObject({
      type: 'transcript.text.done',
      text: sentence,
      usage: { type: 'tokens', input_token_details: { audio_tokens: sentenceSeconds * 10 } },
    });
  });

  it('translates, in every format', async () => {
    const { translations } = session.client.audio;
    const english = `[in English] ${sentence}`;
    const file = await upload();
    expect(await translations.create({ model: seconds, file })).toMatchObject({ text: english });
    expect(await translations.create({ model: seconds, file, response_format: 'text' })).toBe(`${english}\n`);
    const verbose = await translations.create({ model: seconds, file, response_format: 'verbose_json' });
    expect(verbose).toMatchObject({ language: 'english', text: english, segments: [{ id: 0 }, { id: 1 }, { id: 2 }] });
    expect(await translations.create({ model: seconds, file, response_format: 'srt' })).toMatch(
      /^1\n00:00:00,000 --> /,
    );
    expect(await translations.create({ model: seconds, file, response_format: 'vtt' })).toMatch(/^WEBVTT\n\n/);
  });

  it.each([
    ['response_format', { response_format: 'docx' as 'json' }],
    ['temperature', { temperature: 2 }],
    ['model', { model: 'sandbox/speech' }],
    ['response_format', { response_format: 'srt', stream: true }],
    ['timestamp_granularities', { timestamp_granularities: ['word'] }],
  ])('refuses a wrong %s of a transcription', async (param, wrong) => {
    const body = { model: tokens, file: await upload(), ...wrong } as OpenAI.Audio.TranscriptionCreateParams;
    await expect(session.client.audio.transcriptions.create(body)).rejects.toMatchObject({ status: 400, param });
  });

  it('refuses a file of 26 MB', async () => {
    const file = await toFile(Buffer.alloc(26 * 1024 * 1024), 'long.wav');
    for (const asked of [session.client.audio.transcriptions, session.client.audio.translations]) {
      await expect(asked.create({ model: seconds, file })).rejects.toMatchObject({
        status: 413,
        code: 'file_too_large',
        param: 'file',
      });
    }
  });

  it('says of what it does not have that it is not there', async () => {
    const { voices, voiceConsents } = session.client.audio;
    const sample = await upload();
    const calls: (() => PromiseLike<unknown>)[] = [
      () => voices.create({ name: 'Ada', audio_sample: sample, consent: 'cons_1' }),
      () => voices.delete('voice_1'),
      () => voiceConsents.create({ name: 'Ada', recording: sample, language: 'en-US' }),
      () => voiceConsents.retrieve('cons_1'),
      () => voiceConsents.update('cons_1', { name: 'Eve' }),
      () => voiceConsents.list(),
      () => voiceConsents.delete('cons_1'),
    ];
    for (const call of calls)
      await expect(Promise.resolve(call())).rejects.toMatchObject({ status: 404, code: 'unknown_url' });
  });
}
