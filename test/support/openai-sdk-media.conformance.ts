import { describe, expect, it } from '@jest/globals';
import { type MediaTarget, openMediaSession } from './media-session.js';
import { problemsBySchema } from './openai-schemas.js';
import { itListens, itSpeaks } from './openai-sdk-audio.conformance.js';
import { itEmbeds } from './openai-sdk-embeddings.conformance.js';
import { itDraws, itEdits, itLinks } from './openai-sdk-images.conformance.js';

const mediaModels = [
  ...['embedding', 'embedding-large', 'embedding-small', 'rerank', 'speech', 'speech-tokens'],
  ...['transcribe', 'whisper', 'image', 'image-sized', 'image-pixels'],
].map((name) => `sandbox/${name}`);

/** The official SDK as the client of embeddings, audio and images; every answer and event fits OpenAI's schemas. */
export function describeOpenAiMediaSdk(name: string, target: () => MediaTarget): void {
  describe(`media of the official openai package against ${name}`, () => {
    const session = openMediaSession(target);

    it('lists the models, and each of them', async () => {
      const ids = (await session.client.models.list()).data.map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining(mediaModels));
      for (const id of mediaModels) expect(await session.client.models.retrieve(id)).toMatchObject({ id });
    });

    describe('embeddings', () => {
      itEmbeds(session);
    });
    describe('speech', () => {
      itSpeaks(session);
    });
    describe('transcriptions and translations', () => {
      itListens(session);
    });
    describe('images', () => {
      itDraws(session);
    });
    describe('links', () => {
      itLinks(session);
    });
    describe('edits and variations', () => {
      itEdits(session);
    });

    it('was held to OpenAI’s schemas in all of this, which find what is missing, misspelt or of the wrong kind', () => {
      expect(session.checked).toBeGreaterThan(150);
      const answer = { created: 1_767_225_600, data: [{ b64_json: 'QUJD' }] };
      expect(problemsBySchema('ImagesResponse', answer)).toEqual([]);
      const wrong = [
        { data: [] },
        { ...answer, create: 1 },
        { ...answer, data: [{ b64json: 'QUJD' }] },
        { created: '1' },
      ];
      for (const one of wrong) expect(problemsBySchema('ImagesResponse', one)).not.toEqual([]);
    });
  });
}
