import { describe, expect, it } from '@jest/globals';
import type { Model } from '#libs/catalog';
import { GatewayError } from '#libs/contracts';
import { assertChargeable, holdNanos, holdPriceOf } from './hold-price.js';

const deployment = (id: string, price: Model['deployments'][number]['price']) => ({
  id,
  provider: 'acme',
  upstreamModel: id,
  priority: 0,
  weight: 1,
  price,
});

function model(...deployments: Model['deployments'][number][]): Model {
  const endpoints = ['chat.completions'];
  return {
    id: 'gpt',
    ownedBy: 'acme',
    created: 0,
    endpoints,
    contextTokens: null,
    maxOutputTokens: null,
    deployments,
  };
}

const cheap = deployment('a/gpt', { input: 1_000_000n, output: 5_000_000n });
const dear = deployment('b/gpt', { input: 2_000_000n, output: 3_000_000n, reasoning: 7_000_000n });
const unpriced = deployment('c/gpt', null);

describe('the price of a hold', () => {
  it('is the highest of any priced deployment, unit by unit, whatever kind of token it turns out to be', () => {
    const price = holdPriceOf(model(cheap, dear, unpriced), undefined);
    expect(price.snapshot).toEqual({
      model: 'gpt',
      prices: {
        'a/gpt': { input: '1000000', output: '5000000' },
        'b/gpt': { input: '2000000', output: '3000000', reasoning: '7000000' },
      },
    });
    expect(holdNanos({ input: 10, output: 10 }, price)).toBe(90n);
  });

  it('is rounded up once per unit', () => {
    const price = holdPriceOf(model(deployment('a/gpt', { input: 1n, output: 1n })), undefined);
    expect(holdNanos({ input: 1, output: 1_000_001 }, price)).toBe(3n);
  });

  it('has an id that follows its content, not the order of its deployments', () => {
    const id = holdPriceOf(model(cheap, dear), undefined).snapshotId;
    expect(id).toMatch(/^[\w-]{43}$/);
    expect(holdPriceOf(model(dear, cheap), undefined).snapshotId).toBe(id);
    expect(holdPriceOf(model(cheap), undefined).snapshotId).not.toBe(id);
  });

  it('is the override of the organization for every deployment, whatever the order of its units', () => {
    const gpt = model(cheap, unpriced);
    const price = holdPriceOf(gpt, { output: '20', input: '10' });
    expect(price.snapshot.prices).toEqual({
      'a/gpt': { input: '10', output: '20' },
      'c/gpt': { input: '10', output: '20' },
    });
    expect(price.snapshotId).toBe(holdPriceOf(gpt, { input: '10', output: '20' }).snapshotId);
    expect(price.snapshotId).not.toBe(holdPriceOf(gpt, undefined).snapshotId);
  });

  it('is made once per model and override', () => {
    const [gpt, override] = [model(cheap), { input: '1', output: '1' }];
    expect(holdPriceOf(gpt, undefined)).toBe(holdPriceOf(gpt, undefined));
    expect(holdPriceOf(gpt, override)).toBe(holdPriceOf(gpt, override));
  });

  it('never leaves the range of the ledger', () => {
    const price = holdPriceOf(model(cheap), undefined);
    expect(
      holdNanos({ input: Number.MAX_SAFE_INTEGER, output: Number.MAX_SAFE_INTEGER }, price).toString(),
    ).toHaveLength(17);
    const absurd = holdPriceOf(model(deployment('a/gpt', { input: 10n ** 17n, output: 10n ** 17n })), undefined);
    expect(holdNanos({ input: Number.MAX_SAFE_INTEGER }, absurd)).toBe(10n ** 18n - 1n);
  });

  it('that lacks a unit refuses the request', () => {
    const price = holdPriceOf(model(deployment('a/gpt', { input: 1n })), undefined);
    const refused = (() => {
      try {
        return holdNanos({ input: 1, output: 1 }, price);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(GatewayError);
    expect(refused).toMatchObject({ code: 'model_not_priced', param: 'model' });
  });

  it('takes of alternatives what each deployment is billed by, and of these the dearest', () => {
    const byTokens = deployment('a/tts', { input: 600_000n, output_audio: 12_000_000n });
    const byCharacters = deployment('b/tts', { characters: 15_000_000n });
    const largest = { input: 1_000, output_audio: 5_000, characters: 4_000 };
    expect(holdNanos(largest, holdPriceOf(model(byTokens), undefined))).toBe(600n + 60_000n);
    expect(holdNanos(largest, holdPriceOf(model(byCharacters), undefined))).toBe(60_000n);
    expect(holdNanos(largest, holdPriceOf(model(byTokens, byCharacters), undefined))).toBe(60_600n);
    const dearer = { ...largest, characters: 4_100 };
    expect(holdNanos(dearer, holdPriceOf(model(byTokens, byCharacters), undefined))).toBe(61_500n);
  });

  it('is the dearest variant of images that may come of it, at each deployment', () => {
    const byVariant = deployment('a/gpt', { 'images:1024x1024/low': 11n, 'images:1024x1024/high': 167n });
    const flat = deployment('b/gpt', { images: 60n });
    const million = 1_000_000;
    const held = (unit: `images:${string}`, ...deployments: Parameters<typeof model>) =>
      holdNanos({ [unit]: million }, holdPriceOf(model(...deployments), undefined));
    expect(held('images:1024x1024/low', byVariant)).toBe(11n);
    expect(held('images:1024x1024/auto', byVariant)).toBe(167n);
    expect(held('images:1024x1024/low', byVariant, flat)).toBe(60n);
    expect(() => held('images:512x512/low', byVariant, flat)).toThrow('images:512x512/low');
  });

  it('refuses the request when a deployment knows none of what may be counted', () => {
    const speech = model(deployment('a/tts', { characters: 1n }), deployment('b/tts', { seconds: 1n }));
    expect(() => holdNanos({ input: 5, output_audio: 5, characters: 5 }, holdPriceOf(speech, undefined))).toThrow(
      'no price for',
    );
  });

  it('does not take the audio of one deployment at the price of another', () => {
    const dearText = deployment('a/gpt', { input: 5_000_000n, output: 1n });
    const audio = deployment('b/gpt', { input: 1_000_000n, input_audio: 3_000_000n, output: 1n });
    // At the first it is plain input.
    expect(holdNanos({ input_audio: 10 }, holdPriceOf(model(dearText, audio), undefined))).toBe(50n);
  });
});

describe('a call without a hold', () => {
  const wrong = deployment('d/gpt', { seconds: 1_000_000n });

  it('is refused where nobody could be charged by the endpoint', () => {
    const refused = () => assertChargeable('chat.completions', model(wrong, unpriced), undefined);
    expect(refused).toThrow(expect.objectContaining({ code: 'model_not_priced' }));
    const override = { characters: '1' };
    const overridden = () => assertChargeable('chat.completions', model(cheap), override);
    expect(overridden).toThrow(/no price for input/);
  });

  it('goes on where one deployment can be charged, or the override', () => {
    expect(() => assertChargeable('chat.completions', model(wrong, cheap), undefined)).not.toThrow();
    const override = { input: '1', output: '1' };
    expect(() => assertChargeable('chat.completions', model(wrong), override)).not.toThrow();
  });
});
