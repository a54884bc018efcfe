import { describe, expect, it } from '@jest/globals';
import { unsupportedBy } from './abilities.js';
import { knownParameters } from './known-parameters.js';
import type { Model, ParameterRule } from './model.js';
import { findSandboxModel } from './sandbox-models.js';

function modelWith(parameters: Readonly<Record<string, ParameterRule>>): Model {
  return {
    id: 'm',
    ownedBy: 'o',
    created: 0,
    endpoints: [],
    contextTokens: null,
    maxOutputTokens: null,
    parameters,
    deployments: [],
  };
}
const codeOf = (param: string) => (param === 'style' ? 'unsupported_parameter' : 'unsupported_value');
const paramOf = (model: Model, asked: Record<string, unknown>) => unsupportedBy(model, 'any', asked)?.param;

describe('what a model cannot do', () => {
  const model = modelWith({
    size: { oneOf: ['1x1', 'auto'] },
    style: { refused: true },
    n: { max: 2 },
    prompt: { maxLength: 3 },
    timestamp_granularities: { oneOf: ['segment'] },
    dimensions: { oneOf: [256, 512] },
  });

  it.each<[Record<string, unknown>, string]>([
    [{ size: '2x2' }, 'size'],
    [{ style: 'vivid' }, 'style'],
    [{ n: 3 }, 'n'],
    [{ n: '3' }, 'n'],
    [{ prompt: 'four' }, 'prompt'],
    [{ timestamp_granularities: ['segment', 'word'] }, 'timestamp_granularities'],
    [{ 'timestamp_granularities[]': ['word'] }, 'timestamp_granularities'],
    [{ dimensions: 300 }, 'dimensions'],
  ])('is refused by name: %j', (asked, param) => {
    const error = unsupportedBy(model, 'any', asked);
    expect([error?.status, error?.code, error?.param]).toEqual([400, codeOf(param), param]);
  });

  it.each<[Record<string, unknown>]>([
    [{}],
    [{ size: 'auto', n: 2, prompt: '\u{1f600}\u{1f600}\u{1f600}', dimensions: 256 }],
    [{ style: null, size: null }],
    [{ style: false, unknown: 1 }],
    [{ dimensions: '512', timestamp_granularities: ['segment'] }],
  ])('is nothing of %j', (asked) => {
    expect(unsupportedBy(model, 'any', asked)).toBeUndefined();
  });

  it('compares an object by the id that it names', () => {
    const speech = modelWith({ voice: { oneOf: ['alloy'], maxLength: 5 } });
    expect(paramOf(speech, { voice: { id: 'alloy' } })).toBeUndefined();
    expect(paramOf(speech, { voice: { id: 'nova' } })).toBe('voice');
    expect(paramOf(speech, { voice: { name: 'alloy' } })).toBe('voice');
  });

  it('says what it takes instead', () => {
    expect(unsupportedBy(model, 'any', { size: '2x2' })?.message).toBe(
      '`m` does not support this `size`: it takes 1x1, auto. Change it, or choose another model.',
    );
    expect(unsupportedBy(model, 'any', { style: 'vivid' })?.message).toBe(
      '`m` does not support `style`. Leave it out, or choose another model.',
    );
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['whisper', { 'include[]': ['logprobs'] }, 'include'],
    ['transcribe', { include: 'logprobs' }, 'include'],
    ['whisper', { chunking_strategy: 'auto' }, 'chunking_strategy'],
    ['transcribe', { chunking_strategy: '{"type":"server_vad"}' }, 'chunking_strategy'],
    ['transcribe', { 'known_speaker_names[]': ['Ann'] }, 'known_speaker_names'],
    ['image', { moderation: 'high' }, 'moderation'],
    ['image-pixels', { moderation: 'low' }, 'moderation'],
  ])('is said of the sandbox, which drops nothing in silence: %s, %j', (name, asked, param) => {
    expect(paramOf(findSandboxModel(name)!, asked)).toBe(param);
  });

  it('is known of the makers’ models, whoever serves them', () => {
    const dalle = modelWith(knownParameters('openai/dall-e-3')!);
    expect(paramOf(dalle, { size: '256x256' })).toBe('size');
    expect(paramOf(dalle, { stream: true })).toBe('stream');
    expect(paramOf(modelWith(knownParameters('tts-1-hd')!), { voice: 'marin' })).toBe('voice');
    expect(paramOf(modelWith(knownParameters('gpt-4o-transcribe')!), { response_format: 'srt' })).toBe(
      'response_format',
    );
    expect(paramOf(modelWith(knownParameters('gpt-image-1')!), { size: '1536x1024', stream: true })).toBeUndefined();
    expect(knownParameters('llama-3')).toBeUndefined();
  });
});
