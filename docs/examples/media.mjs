// Embeddings, speech, transcription and images in one script, with the official openai package.
//
//   npm start                              # in one terminal
//   set -a; . .modapi/client.env; set +a   # or export OPENAI_BASE_URL and OPENAI_API_KEY yourself
//   node docs/examples/media.mjs           # in another; the files go to ./media, or to the folder that is named
//
// It uses the sandbox, which needs no provider; other models are named in the environment, see `models`.
import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import OpenAI from 'openai';

const client = new OpenAI();
const folder = process.argv[2] ?? 'media';
await mkdir(folder, { recursive: true });

const models = {
  embedding: process.env.EMBEDDING_MODEL ?? 'sandbox/embedding',
  rerank: process.env.RERANK_MODEL ?? 'sandbox/rerank',
  speech: process.env.SPEECH_MODEL ?? 'sandbox/speech-tokens',
  transcription: process.env.TRANSCRIPTION_MODEL ?? 'sandbox/transcribe',
  translation: process.env.TRANSLATION_MODEL ?? 'sandbox/whisper',
  image: process.env.IMAGE_MODEL ?? 'sandbox/image',
  variation: process.env.VARIATION_MODEL ?? 'sandbox/image-sized',
};

/** Writes a file and says so. */
async function save(name, content) {
  await writeFile(join(folder, name), content);
  console.log(`  ${join(folder, name)}`);
}

const file = (name) => createReadStream(join(folder, name));
const fromBase64 = (text) => Buffer.from(text, 'base64');

async function embeddings() {
  console.log('Embeddings');
  const input = ['A cat sleeps on the sofa.', 'A cat is sleeping on a couch.', 'Interest rates rose in March.'];
  const { data, usage } = await client.embeddings.create({ model: models.embedding, input });
  const [first, ...others] = data.map(({ embedding }) => embedding);
  for (const [index, other] of others.entries()) {
    const nearness = first.reduce((sum, value, at) => sum + value * other[at], 0);
    console.log(`  ${nearness.toFixed(3)}  ${input[0]} / ${input[index + 1]}`);
  }
  const short = await client.embeddings.create({ model: models.embedding, input: input[0], dimensions: 256 });
  console.log(`  ${first.length} dimensions, or ${short.data[0].embedding.length}; ${usage.total_tokens} tokens`);
  // OpenAI has no rerank, so its package has no method for it.
  const body = { model: models.rerank, query: 'Where is the cat?', documents: input, top_n: 2 };
  const ranked = await client.post('/rerank', { body });
  for (const { index, relevance_score: score } of ranked.results) console.log(`  ${score.toFixed(3)}  ${input[index]}`);
}

async function speech() {
  console.log('Speech');
  const spoken = { model: models.speech, voice: 'alloy', input: 'The river is wide. Who will cross it? Nobody will.' };
  for (const format of ['mp3', 'opus', 'aac', 'flac', 'wav', 'pcm']) {
    const answer = await client.audio.speech.create({ ...spoken, response_format: format });
    // The bytes come as they are made; a player could begin with the first of them.
    const parts = [];
    for await (const part of answer.body) parts.push(part);
    await save(`speech.${format}`, Buffer.concat(parts));
  }
  const events = await client.audio.speech.create({ ...spoken, stream_format: 'sse' });
  const audio = (await events.text())
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice('data: '.length)))
    .filter(({ type }) => type === 'speech.audio.delta');
  await save('speech-events.mp3', Buffer.concat(audio.map((event) => fromBase64(event.audio))));
}

async function transcription() {
  console.log('Transcription');
  const { transcriptions, translations } = client.audio;
  const heard = await transcriptions.create({ model: models.transcription, file: file('speech.mp3') });
  console.log(`  ${heard.text}`);
  for (const format of ['text', 'srt', 'vtt', 'verbose_json', 'diarized_json']) {
    const answer = await transcriptions.create({
      model: models.translation,
      file: file('speech.flac'),
      response_format: format,
      ...(format === 'verbose_json' && { timestamp_granularities: ['word', 'segment'] }),
    });
    const isJson = format.endsWith('_json');
    const name = isJson ? `${format.replace('_', '-').replace('-json', '.json')}` : format.replace('text', 'txt');
    await save(`transcript.${name}`, isJson ? JSON.stringify(answer, null, 2) : answer);
  }
  const stream = await transcriptions.create({ model: models.transcription, file: file('speech.wav'), stream: true });
  process.stdout.write('  ');
  for await (const event of stream) if (event.type === 'transcript.text.delta') process.stdout.write(event.delta);
  process.stdout.write('\n');
  const english = await translations.create({ model: models.translation, file: file('speech.opus') });
  console.log(`  ${english.text}`);
}

async function images() {
  console.log('Images');
  const prompt = 'A quiet harbour at dawn';
  const drawn = { model: models.image, prompt, size: '1024x1024', quality: 'low' };
  for (const format of ['png', 'jpeg', 'webp']) {
    const { data } = await client.images.generate({ ...drawn, output_format: format, n: 2 });
    for (const [index, image] of data.entries())
      await save(`harbour-${index + 1}.${format}`, fromBase64(image.b64_json));
  }
  const stream = await client.images.generate({ ...drawn, stream: true, partial_images: 2 });
  for await (const event of stream) {
    const part = event.type === 'image_generation.completed' ? 'whole' : `partial-${event.partial_image_index}`;
    await save(`harbour-${part}.png`, fromBase64(event.b64_json));
  }
  const edited = await client.images.edit({ ...drawn, prompt: 'With a red boat', image: [file('harbour-1.png')] });
  await save('edited.png', fromBase64(edited.data[0].b64_json));
  const varied = await client.images.createVariation({
    model: models.variation,
    image: file('harbour-1.png'),
    size: '512x512',
    response_format: 'url',
  });
  const answer = await fetch(varied.data[0].url);
  if (!answer.ok) throw new Error(`${varied.data[0].url}: ${answer.status}`);
  await save('varied.png', Buffer.from(await answer.arrayBuffer()));
}

await embeddings();
await speech();
await transcription();
await images();
console.log(`All files are in ${folder}.`);
