import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { endpoints, isUsageUnit, type Usage } from '#libs/contracts';
import { chargeOf } from './charge.js';
import { priceOfWire } from './price.js';
import { type ShippedModel, shippedModels } from './shipped-models.js';

const nanos = z.string().regex(/^[1-9]\d{0,12}$/);
const provenance = { source: z.enum(['models.dev', 'litellm']), date: z.iso.date() };
const chatLine = z.strictObject({
  mode: z.literal('chat'),
  context: z.int().positive().optional(),
  output: z.int().positive().optional(),
  released: z.iso.date().optional(),
  can: z
    .array(z.enum(['tools', 'vision', 'json_schema', 'reasoning']))
    .min(1)
    .optional(),
  price: z
    .strictObject({
      input: nanos,
      input_cached: nanos.optional(),
      output: nanos,
      reasoning: nanos.optional(),
      ...provenance,
    })
    .optional(),
});
/** Without a price such a model is not shipped at all. */
const mediaLine = z.strictObject({
  mode: z.enum(['embedding', 'rerank', 'image', 'speech', 'transcription']),
  serves: z.array(z.enum(endpoints.map(({ id }) => id))).min(1),
  context: z.int().positive().optional(),
  dimensions: z.int().positive().optional(),
  price: z
    .object(provenance)
    .catchall(z.string().regex(/^[1-9]\d{0,17}$/))
    .refine((price) => Object.keys(price).every((unit) => unit in provenance || isUsageUnit(unit))),
});
const line = z.discriminatedUnion('mode', [chatLine, mediaLine]);
const text = readFileSync(join(import.meta.dirname, 'data', 'models.json'), 'utf8');

/** What one call of each kind uses at least, in every unit that it may be charged in. */
const plausible: Readonly<Record<'embedding' | 'rerank' | 'image' | 'speech' | 'transcription', readonly Usage[]>> = {
  embedding: [{ input: 1 }],
  rerank: [{ searches: 1 }, { input: 1 }],
  image: [{ images: 1 }, { output_image: 1 }, { pixels: 1_000_000 }],
  speech: [{ characters: 1 }, { output_audio: 1 }],
  transcription: [{ seconds: 1 }, { input_audio: 1 }],
};
const media = Object.entries(
  (JSON.parse(text) as { providers: Record<string, Record<string, ShippedModel>> }).providers,
)
  .flatMap(([preset, models]) => Object.entries(models).map(([id, model]) => [`${preset}/${id}`, model] as const))
  .filter(([, { mode }]) => mode !== 'chat');

describe('the shipped data', () => {
  it('has the shape that the code reads, one model a line, sorted', () => {
    const { providers } = z
      .strictObject({ providers: z.record(z.string(), z.record(z.string(), line)) })
      .parse(JSON.parse(text));
    const presets = Object.keys(providers);
    expect(presets).toEqual(
      expect.arrayContaining(['openai', 'azure', 'gemini', 'groq', 'openrouter', 'mistral', 'xai']),
    );
    expect(text.split('\n').filter((row) => row.includes('"mode"')).length).toBe(
      Object.values(providers).reduce((sum, models) => sum + Object.keys(models).length, 0),
    );
  });

  it.each(media)('charges a call of %s', (_name, { mode, price }) => {
    const { source: _source, date: _date, ...units } = price!;
    const usages = plausible[mode as keyof typeof plausible];
    const charged = usages.filter((usage) => Object.keys(usage).some((unit) => unit in units));
    expect(charged.length).toBeGreaterThan(0);
    for (const usage of charged) {
      const counted = Object.fromEntries(Object.entries(usage).filter(([unit]) => unit in units));
      expect(chargeOf(counted as Usage, priceOfWire(units))).toBeGreaterThan(0n);
    }
  });

  it('has prices by size and quality where the maker has them', () => {
    // $0.12 for a wide one in high definition.
    expect(shippedModels('openai')['dall-e-3']?.price?.['images:1792x1024/hd']).toBe('120000000000000');
    expect(shippedModels('openai')['whisper-1']).toMatchObject({
      serves: ['audio.transcriptions', 'audio.translations'],
      // $0.006 a minute.
      price: { seconds: '100000000000' },
    });
  });

  it('prices a well-known model as its maker does', () => {
    const price = shippedModels('openai')['gpt-4o-mini']?.price;
    expect(price).toMatchObject({ source: 'models.dev', date: '2026-07-02' });
    // $0.15 in, $0.075 cached, $0.60 out per million.
    expect(chargeOf({ input: 1_000_000, input_cached: 1_000_000, output: 1_000_000 }, priceOfWire(price!))).toBe(
      825_000_000n,
    );
  });

  it('knows nothing of a preset that is not there', () => {
    expect(shippedModels('nobody')).toEqual({});
    expect(shippedModels('toString')).toEqual({});
  });
});
