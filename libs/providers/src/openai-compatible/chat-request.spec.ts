import { describe, expect, it } from '@jest/globals';
import { defineProvider, type ProviderQuirks } from '../provider.js';
import { chatRequestBody } from './chat-request.js';

const provider = (quirks?: ProviderQuirks) =>
  defineProvider({
    ...{ id: 'acme', name: 'Acme', baseUrl: 'https://acme.test', auth: { kind: 'none' }, keyEnv: null, serves: {} },
    ...(quirks && { quirks }),
  });

/** The span of a top-level value as ingress records it: quotes and braces included. */
function spanOf(body: string, key: string): [number, number] | undefined {
  const match = new RegExp(`"${key}"\\s*:\\s*`).exec(body);
  if (!match) return undefined;
  const start = match.index + match[0].length;
  for (let end = start + 1; end <= body.length; end++) {
    try {
      JSON.parse(body.slice(start, end));
      return [Buffer.byteLength(body.slice(0, start)), Buffer.byteLength(body.slice(0, end))];
    } catch {
      // Not whole yet.
    }
  }
  return undefined;
}

function rewrite(body: string, options: { upstreamModel?: string; quirks?: ProviderQuirks } = {}): string {
  const parsed = JSON.parse(body) as { model: string; stream?: boolean; stream_options?: { include_usage?: boolean } };
  const streamOptions = spanOf(body, 'stream_options');
  const rewritten = chatRequestBody({
    body: Buffer.from(body),
    head: {
      model: parsed.model,
      stream: parsed.stream ?? false,
      includeUsage: parsed.stream_options?.include_usage ?? false,
      spans: { model: spanOf(body, 'model')!, ...(streamOptions && { streamOptions }) },
    },
    upstreamModel: options.upstreamModel ?? parsed.model,
    provider: provider(options.quirks),
  });
  return Buffer.from(rewritten).toString();
}

const rich =
  '{ "messages":[{"role":"user","content":[{"type":"text","text":"Ü \\"model\\":\\"m\\" 👋"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBO"}}]}],' +
  ' "n":2,"logprobs":true, "x_unknown" : {"deep":[1.0,1e5,12345678901234567890]},"tools":[{"type":"function","function":{"name":"f","parameters":{}}}],"model" : "m"}';

describe('the request body for an upstream', () => {
  it('is the caller’s own bytes when nothing needs to change', () => {
    const body = Buffer.from(rich);
    const head = { model: 'm', stream: false, includeUsage: false, spans: { model: spanOf(rich, 'model')! } };
    expect(chatRequestBody({ body, head, upstreamModel: 'm', provider: provider() })).toBe(body);
  });

  it('differs in the model’s value and nowhere else', () => {
    expect(rewrite(rich, { upstreamModel: 'vendor/quoted"name' })).toBe(
      rich.replace(/"m"}$/, '"vendor/quoted\\"name"}'),
    );
  });

  it('asks for usage where the caller did not', () => {
    expect(rewrite('{"model":"m","stream":true}')).toBe(
      '{"stream_options":{"include_usage":true},"model":"m","stream":true}',
    );
    const options = (text: string) => rewrite(`{"model":"m","stream_options": ${text} ,"stream":true}`);
    for (const text of ['null', '{}', '{"include_usage":false}']) {
      expect(options(text)).toBe('{"model":"m","stream_options": {"include_usage":true} ,"stream":true}');
    }
    expect(options('{"include_obfuscation":false}')).toContain('{"include_obfuscation":false,"include_usage":true}');
    expect(options('{ "include_usage" : true }')).toContain('{ "include_usage" : true }');
    // Wrong types are the upstream's to refuse.
    expect(options('7')).toContain('"stream_options": 7 ');
    expect(rewrite('{"model":"m","stream":false}')).toBe('{"model":"m","stream":false}');
  });

  it('changes model and stream_options together, in either order', () => {
    const changed = rewrite('{"stream_options":{},"model":"m","stream":true}', { upstreamModel: 'u' });
    expect(changed).toBe('{"stream_options":{"include_usage":true},"model":"u","stream":true}');
    expect(rewrite('{"model":"m","stream":true,"stream_options":null}', { upstreamModel: 'u' })).toBe(
      '{"model":"u","stream":true,"stream_options":{"include_usage":true}}',
    );
  });

  it('renames the output limit for upstreams that know one name, and only at the top', () => {
    const quirks: ProviderQuirks = { maxTokensName: 'max_tokens' };
    const body = '{"model":"m","max_completion_tokens":5,"metadata":{"max_completion_tokens":"x"}}';
    expect(rewrite(body, { quirks })).toBe('{"model":"m","max_tokens":5,"metadata":{"max_completion_tokens":"x"}}');
    const both = '{"model":"m","max_completion_tokens":5,"max_tokens":6}';
    expect(rewrite(both, { quirks })).toBe(both);
    expect(rewrite('{"max_tokens":6,"model":"m"}', { quirks: { maxTokensName: 'max_completion_tokens' } })).toBe(
      '{"max_completion_tokens":6,"model":"m"}',
    );
  });

  it('refuses what the upstream would refuse or drop, and names it', () => {
    const quirks: ProviderQuirks = { unsupported: ['seed', 'logprobs'] };
    expect(() => rewrite('{"model":"m","seed":1}', { quirks })).toThrow(
      expect.objectContaining({
        code: 'unsupported_parameter',
        param: 'seed',
        message: expect.stringContaining('Acme'),
      }),
    );
    // Nothing was asked for.
    expect(rewrite('{"model":"m","seed":null,"logprobs":false}', { quirks })).toContain('"seed":null');
    expect(rewrite('{"model":"m","metadata":{"seed":"1"}}', { quirks })).toContain('metadata');
  });

  it('takes stream_options out for upstreams that refuse it', () => {
    const quirks: ProviderQuirks = { noStreamOptions: true };
    const bodies = [
      '{"stream_options":{"include_usage":true} , "model":"m","stream":true}',
      '{"model":"m","stream":true , "stream_options":{"include_usage":true}}',
      '{"model":"m","stream_options": null, "stream":true}',
      '{"model":"m","stream":true}',
    ];
    for (const body of bodies) expect(JSON.parse(rewrite(body, { quirks }))).toEqual({ model: 'm', stream: true });
  });
});
