import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { chargeOf } from './charge.js';
import { priceOfWire } from './price.js';
import { shippedModels } from './shipped-models.js';

const nanos = z.string().regex(/^[1-9]\d{0,12}$/);
const line = z.strictObject({
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
      source: z.enum(['models.dev', 'litellm']),
      date: z.iso.date(),
    })
    .optional(),
});
const text = readFileSync(join(import.meta.dirname, 'data', 'models.json'), 'utf8');

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
