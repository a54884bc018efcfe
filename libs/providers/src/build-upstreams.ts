import type { GatewayConfig, ProviderConfig } from '#libs/contracts';
import { dialectProviders, speaking } from './dialect-providers.js';
import { nearestName } from './nearest-name.js';
import { compatibleProviders } from './openai-compatible/compatible-providers.js';
import type { Provider } from './provider.js';
import { Upstream, type UpstreamTimeouts } from './upstream.js';

/** Presets by id. */
export const providers: ReadonlyMap<string, Provider> = new Map(
  [...compatibleProviders.map(speaking), ...dialectProviders].map((entry) => [entry.id, entry]),
);

export interface BuildUpstreamsOptions {
  /** Where the sandbox listens; the provider `sandbox` exists only with it. */
  readonly sandboxUrl?: string | undefined;
  /** The text behind `env:NAME` or `file:PATH`. Undefined when there is none, or an error that says why; never the value. */
  readonly readSecret: (reference: string) => string | undefined;
}

export interface UpstreamsBuild {
  /** By id under `providers`. */
  readonly value: ReadonlyMap<string, Upstream>;
  /** One line each, naming the path in modapi.yaml and what to write instead. */
  readonly problems: readonly string[];
}

const defaultTimeouts: UpstreamTimeouts = { connectMs: 5_000, firstByteMs: 300_000, idleMs: 60_000 };

/** Everything that can be called with this configuration. Lists all problems; throws for none. */
export function buildUpstreams(config: GatewayConfig, options: BuildUpstreamsOptions): UpstreamsBuild {
  const value = new Map<string, Upstream>();
  const problems: string[] = [];
  for (const [id, settings] of Object.entries(config.providers)) {
    const upstream = buildUpstream({ id, settings, readSecret: options.readSecret, problems });
    if (upstream) value.set(id, upstream);
  }
  // After the configured ones: the id belongs to the built-in sandbox where it runs.
  if (options.sandboxUrl !== undefined) addSandbox(value, problems, options.sandboxUrl);
  return { value, problems };
}

interface Draft {
  readonly id: string;
  readonly settings: ProviderConfig;
  readonly readSecret: (reference: string) => string | undefined;
  readonly problems: string[];
}

function buildUpstream(draft: Draft): Upstream | undefined {
  const { id, settings, problems } = draft;
  const presetId = settings.preset ?? id;
  const provider = providers.get(presetId);
  if (!provider) {
    const nearest = nearestName(presetId, providers.keys());
    const field = settings.preset === undefined ? '' : '.preset';
    problems.push(
      `providers.${id}${field}: no provider "${presetId}" is known${nearest ? `; did you mean "${nearest}"?` : '.'} For any other server write "preset: openai-compatible" and its "baseUrl"`,
    );
    return undefined;
  }
  const before = problems.length;
  const baseUrl = baseUrlOf(draft, provider);
  const secret = secretOf(draft, provider);
  if (!baseUrl || problems.length > before) return undefined;
  const drainsAborted = provider.billsAborted === true && settings.abortPolicy !== 'delivered_only';
  return new Upstream({
    id,
    provider,
    baseUrl,
    secret,
    timeouts: timeoutsOf(settings),
    drainsAborted,
    ownBaseUrl: settings.baseUrl !== undefined,
    variables: settings.variables ?? {},
  });
}

const variableValue = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

function baseUrlOf({ id, settings, problems }: Draft, provider: Provider): URL | undefined {
  const template = settings.baseUrl ?? provider.baseUrl;
  if (template === null) {
    problems.push(`providers.${id}.baseUrl: missing; write the URL up to and including /v1`);
    return undefined;
  }
  const before = problems.length;
  const url = template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = settings.variables?.[name];
    if (value === undefined) {
      problems.push(`providers.${id}.variables.${name}: missing; ${provider.name}'s URL is ${template}`);
    } else if (!variableValue.test(value)) {
      // Anything else could move the host, and with it our credential.
      problems.push(`providers.${id}.variables.${name}: letters, digits and . _ - only`);
    }
    return value ?? '';
  });
  if (problems.length > before) return undefined;
  if (!URL.canParse(url)) {
    problems.push(`providers.${id}.baseUrl: "${url}" is not a URL`);
    return undefined;
  }
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '' || parsed.hash !== '') {
    problems.push(`providers.${id}.baseUrl: no user, password, query or fragment; put the key into "apiKey"`);
    return undefined;
  }
  return parsed;
}

function secretOf({ id, settings, readSecret, problems }: Draft, provider: Provider): string | undefined {
  const path = `providers.${id}.apiKey`;
  if (settings.apiKey === undefined) {
    if (provider.auth.kind !== 'none' && !provider.keyOptional) {
      const name = provider.keyEnv ?? 'API_KEY';
      problems.push(`${path}: missing; write "apiKey: env:${name}" and set ${name} to your ${provider.name} key`);
    }
    return undefined;
  }
  const secret = readOrReason(readSecret, settings.apiKey);
  if (typeof secret !== 'string') {
    problems.push(`${path}: ${secret.reason}; it holds your ${provider.name} key`);
    return undefined;
  }
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    problems.push(`${path}: ${settings.apiKey} holds spaces, line breaks or non-ASCII characters; it is not a key`);
    return undefined;
  }
  return secret;
}

function readOrReason(readSecret: Draft['readSecret'], reference: string): string | { reason: string } {
  try {
    return readSecret(reference)?.trim() || { reason: `${reference} is not set or empty` };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : `${reference} cannot be read` };
  }
}

function timeoutsOf({ timeouts }: ProviderConfig): UpstreamTimeouts {
  return {
    connectMs: timeouts?.connectMs ?? defaultTimeouts.connectMs,
    firstByteMs: timeouts?.firstByteMs ?? defaultTimeouts.firstByteMs,
    idleMs: timeouts?.idleMs ?? defaultTimeouts.idleMs,
  };
}

function addSandbox(value: Map<string, Upstream>, problems: string[], sandboxUrl: string): void {
  const provider = providers.get('sandbox');
  if (!provider || !URL.canParse(sandboxUrl)) {
    problems.push(`MODAPI_SANDBOX_URL: "${sandboxUrl}" is not a URL`);
    return;
  }
  const baseUrl = new URL(sandboxUrl);
  if (!baseUrl.pathname.replace(/\/+$/, '').endsWith('/v1')) {
    baseUrl.pathname = `${baseUrl.pathname.replace(/\/+$/, '')}/v1`;
  }
  value.set(
    'sandbox',
    new Upstream({ id: 'sandbox', provider, baseUrl, secret: undefined, timeouts: defaultTimeouts }),
  );
}
