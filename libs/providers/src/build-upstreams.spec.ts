import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { gatewayConfig } from '#libs/contracts';
import { buildUpstreams, providers } from './build-upstreams.js';
import { compatibleProviders } from './openai-compatible/compatible-providers.js';

const secrets: Record<string, string> = { 'env:GROQ_API_KEY': 'gsk_secret\n', 'env:AZURE_API_KEY': 'azure-secret' };
function readSecret(reference: string): string | undefined {
  if (reference.startsWith('file:')) throw new Error(`cannot read ${reference.slice(5)} (ENOENT)`);
  return secrets[reference];
}

function build(input: Record<string, unknown>, sandboxUrl?: string) {
  const config = gatewayConfig.parse({ apiVersion: 'modapi/v1', providers: input });
  return buildUpstreams(config, { readSecret, sandboxUrl });
}

describe('the list of providers', () => {
  it('has unique ids that can stand in modapi.yaml', () => {
    const ids = compatibleProviders.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9][a-z0-9-]{0,62}$/);
  });

  it('holds every row of the table of sixty, and more where a row names several', () => {
    expect(compatibleProviders.length).toBeGreaterThanOrEqual(78);
    for (const id of ['openai', 'azure', 'gemini', 'vertex', 'bedrock', 'groq', 'jina', 'recraft', 'venice', 'tgi']) {
      expect(providers.has(id)).toBe(true);
    }
  });

  it.each(compatibleProviders.map((entry) => [entry.id, entry] as const))('%s is complete', (_, entry) => {
    if (entry.baseUrl !== null) {
      const filled = new URL(entry.baseUrl.replaceAll(/\{[a-z]+\}/g, 'name'));
      expect(filled.href).not.toContain('%7B');
      expect(filled.pathname.endsWith('/') && filled.pathname !== '/').toBe(false);
      expect(filled.protocol === 'https:' || filled.hostname === 'localhost').toBe(true);
    }
    expect(entry.name).not.toBe('');
    expect(Object.keys(entry.serves).length).toBeGreaterThan(0);
    for (const path of Object.values(entry.serves)) expect(path).toMatch(/^\/[a-z/]+$/);
    // The hint "apiKey: env:NAME" must itself be valid.
    if (entry.keyEnv !== null) expect(entry.keyEnv).toMatch(/^[A-Z_][A-Z0-9_]*$/);
    if (!entry.keyOptional) expect(entry.keyEnv).not.toBeNull();
  });
});

describe('a call that its caller left', () => {
  const drains = (id: string, abortPolicy?: string) => {
    const settings = { preset: id, apiKey: 'env:GROQ_API_KEY', ...(abortPolicy && { abortPolicy: abortPolicy }) };
    const variables = { region: 'eu-west-1' };
    return build({ one: { ...settings, variables } }).value.get('one')?.drainsAborted;
  };

  it('is read to its end where the provider bills it, unless the operator pays', () => {
    expect(['groq', 'bedrock', 'mistral', 'gemini'].map((id) => drains(id))).toEqual([true, true, true, true]);
    expect(drains('groq', 'provider_billed')).toBe(true);
    expect(drains('groq', 'delivered_only')).toBe(false);
  });

  it('ends at once where the provider stops', () => {
    expect(['openai', 'together', 'xai'].map((id) => drains(id, 'provider_billed'))).toEqual([false, false, false]);
  });
});

describe('buildUpstreams', () => {
  it('needs a provider and a key, no more', () => {
    const { value, problems } = build({ groq: { apiKey: 'env:GROQ_API_KEY' } });
    expect(problems).toEqual([]);
    const request = value.get('groq')!.request('chat.completions', Buffer.from('{}'));
    expect(request.origin + request.path).toBe('https://api.groq.com/openai/v1/chat/completions');
    expect(request.headers.join('|')).toContain('authorization|Bearer gsk_secret');
    expect(request.timeouts).toEqual({ connectMs: 5000, firstByteMs: 300_000, idleMs: 60_000 });
  });

  it('fills variables and uses the vendor’s own header', () => {
    const { value, problems } = build({
      mine: { preset: 'azure', apiKey: 'env:AZURE_API_KEY', variables: { resource: 'my-res' } },
    });
    expect(problems).toEqual([]);
    const request = value.get('mine')!.request('chat.completions', Buffer.from('{}'));
    expect(request.origin).toBe('https://my-res.openai.azure.com');
    expect(request.headers.join('|')).toContain('api-key|azure-secret');
    expect(request.headers).not.toContain('authorization');
  });

  it('lists every problem at once and says what to write', () => {
    const { value, problems } = build({
      gorq: { apiKey: 'env:GROQ_API_KEY' },
      openai: {},
      azure: { apiKey: 'env:NOT_SET' },
      'own-server': { preset: 'openai-compatible' },
      vertex: { apiKey: 'env:GROQ_API_KEY', variables: { location: 'evil.test/', project: 'p' } },
      mistral: { apiKey: 'file:/nowhere' },
    });
    expect(value.size).toBe(0);
    const text = problems.join('\n');
    expect(text).toContain('providers.gorq: no provider "gorq" is known; did you mean "groq"?');
    expect(text).toContain('providers.openai.apiKey: missing; write "apiKey: env:OPENAI_API_KEY"');
    expect(text).toContain('providers.azure.variables.resource: missing');
    expect(text).toContain('providers.azure.apiKey: env:NOT_SET is not set or empty; it holds your Azure OpenAI key');
    expect(text).toContain('providers.own-server.baseUrl: missing');
    expect(text).toContain('providers.vertex.variables.location: letters, digits');
    expect(text).toContain('providers.mistral.apiKey: cannot read /nowhere (ENOENT)');
  });

  it('refuses a key hidden in the URL, and a base URL that is a template of its own is filled', () => {
    expect(build({ ollama: { baseUrl: 'http://user:pass@host/v1' } }).problems[0]).toContain('put the key into');
    const { value } = build({ ollama: { baseUrl: 'http://gpu-1:11434/v1/' } });
    expect(value.get('ollama')!.request('chat.completions', Buffer.from('{}')).path).toBe('/v1/chat/completions');
  });

  it('has the sandbox only where its URL is given, with or without /v1', () => {
    expect(build({}).value.has('sandbox')).toBe(false);
    for (const url of ['http://127.0.0.1:4000', 'http://127.0.0.1:4000/', 'http://127.0.0.1:4000/v1']) {
      const request = build({}, url).value.get('sandbox')!.request('chat.completions', Buffer.from('{}'));
      expect(request.origin + request.path).toBe('http://127.0.0.1:4000/v1/chat/completions');
    }
  });
});

describe('an upstream', () => {
  it('shows its credential to no log, JSON or error text', () => {
    const upstream = build({ groq: { apiKey: 'env:GROQ_API_KEY' } }).value.get('groq')!;
    expect(JSON.stringify(upstream) + inspect(upstream, { depth: 9, showHidden: true })).not.toContain('gsk_secret');
    expect(upstream.scrub('Incorrect API key provided: gsk_secret, or sk-abcdefgh123')).toBe(
      'Incorrect API key provided: [credential], or [credential]',
    );
  });
});
