import { createHash } from 'node:crypto';
import { type DeploymentConfig, endpoints, type GatewayConfig, type PriceConfig, usageUnits } from '#libs/contracts';
import { endpointsOfPrice, unpricedUnit } from './endpoint-units.js';
import { knownParameters } from './known-parameters.js';
import type { Capability, Catalog, CatalogBuild, Deployment, Model, Price } from './model.js';
import { PriceConfigError, priceOfConfig, priceOfWire } from './price.js';
import { findSandboxModel, sandboxModels, sandboxProvider } from './sandbox-models.js';
import { endpointsOf, type ShippedModel, shippedModels } from './shipped-models.js';

export interface CatalogOptions {
  /** The provider `sandbox` and its models exist. */
  readonly sandbox: boolean;
}

/** For models whose release date nobody told us, 2026-01-01: `created` must not change between two starts. */
const unknownRelease = 1_767_225_600;
/** Every unit costs nothing: whatever an endpoint counts is covered. */
const free: Price = Object.fromEntries(usageUnits.map((unit) => [unit, 0n]));

type ModelParameters = Model['parameters'];

interface Draft {
  readonly config: GatewayConfig;
  readonly sandbox: boolean;
  readonly models: Map<string, Model>;
  readonly problems: string[];
  readonly warnings: string[];
}

/** All models of a configuration. Lists every problem at once; never throws for one. */
export function buildCatalog(config: GatewayConfig, options: CatalogOptions): CatalogBuild {
  const draft: Draft = { config, sandbox: options.sandbox, models: new Map(), problems: [], warnings: [] };
  addConfiguredModels(draft);
  addShippedModels(draft);
  if (options.sandbox) addSandboxModels(draft);
  return { value: catalogOf(draft.models), problems: draft.problems, warnings: draft.warnings };
}

/** First, so that an operator's own entry wins over a shipped model of the same id. */
function addConfiguredModels(draft: Draft): void {
  const firstAt = new Map<string, number>();
  for (const [index, entry] of draft.config.models.entries()) {
    const path = `models[${index}]`;
    const first = firstAt.get(entry.id);
    if (first !== undefined) {
      draft.problems.push(
        `${path}.id: "${entry.id}" is already models[${first}]; rename one or put all deployments into one entry`,
      );
      continue;
    }
    firstAt.set(entry.id, index);
    for (const id of unknownEndpoints(entry.endpoints)) {
      draft.problems.push(
        `${path}.endpoints: no endpoint "${id}"; there are ${endpoints.map((each) => each.id).join(', ')}`,
      );
    }
    const deployments = deploymentsOf(draft, entry, path);
    const [preferred] = deployments;
    const known = preferred && knownModel(draft, preferred.provider, preferred.upstreamModel);
    const answersOn = entry.endpoints ?? known?.endpoints ?? defaultEndpoints(deployments);
    warnOfUncharged(draft, { path, endpoints: answersOn, deployments });
    draft.models.set(entry.id, {
      id: entry.id,
      ownedBy: entry.ownedBy ?? preferred?.provider ?? 'modapi',
      created: createdOf(known?.released),
      endpoints: answersOn,
      contextTokens: entry.contextTokens ?? known?.contextTokens ?? null,
      maxOutputTokens: entry.maxOutputTokens ?? known?.maxOutputTokens ?? null,
      capabilities: known?.capabilities ?? [],
      ...parametersOf(entry.parameters, known?.parameters),
      deployments,
    });
  }
}

/** Of a model that nobody told us of: its price says what it is. */
function defaultEndpoints(deployments: readonly Deployment[]): readonly string[] {
  const price = deployments.find((deployment) => deployment.price !== null)?.price;
  return price && price !== free ? endpointsOfPrice(price) : endpointsOf({});
}

/** A price by units that an endpoint is not counted in is a mistake that shows only when somebody calls. */
function warnOfUncharged(draft: Draft, model: Pick<Model, 'endpoints' | 'deployments'> & { path: string }): void {
  for (const [position, { id, price }] of model.deployments.entries()) {
    for (const endpoint of price === null ? [] : model.endpoints) {
      const unit = price && unpricedUnit(endpoint, price);
      if (!unit) continue;
      draft.warnings.push(
        `${model.path}.deployments[${position}]: the price of "${id}" has none for ${unit}, so ${endpoint} never calls it; add one, or take ${endpoint} out of "endpoints"`,
      );
    }
  }
}

function deploymentsOf(draft: Draft, entry: GatewayConfig['models'][number], modelPath: string): Deployment[] {
  const deployments = new Map<string, Deployment>();
  for (const [position, deployment] of entry.deployments.entries()) {
    const path = `${modelPath}.deployments[${position}]`;
    const upstreamModel = deployment.model ?? entry.id;
    const id = `${deployment.provider}/${upstreamModel}`;
    if (!providerExists(draft, deployment.provider)) {
      draft.problems.push(`${path}.provider: ${unknownProvider(draft, deployment.provider)}`);
    }
    if (deployments.has(id)) {
      draft.problems.push(`${path}: "${id}" is already a deployment of this model; give one entry a greater weight`);
    }
    deployments.set(id, {
      id,
      provider: deployment.provider,
      upstreamModel,
      priority: deployment.priority ?? position,
      weight: deployment.weight ?? 1,
      price: priceOf(draft, deployment, upstreamModel, path),
    });
  }
  return [...deployments.values()];
}

/** The operator's price, else free, else the shipped price, else null: refused rather than served for nothing. */
function priceOf(draft: Draft, deployment: DeploymentConfig, upstreamModel: string, path: string): Price | null {
  if (deployment.price && deployment.free) {
    draft.problems.push(`${path}: has both "price" and "free: true"; keep one`);
  }
  if (deployment.price) return configuredPrice(draft, deployment.price, `${path}.price`);
  if (deployment.free) return free;
  const known = knownModel(draft, deployment.provider, upstreamModel)?.price ?? null;
  if (!known && providerExists(draft, deployment.provider)) {
    draft.warnings.push(
      `${path}: no price is known for "${deployment.provider}/${upstreamModel}", so it is never called; add "price: {input: …, output: …}" or "free: true"`,
    );
  }
  return known;
}

function configuredPrice(draft: Draft, price: PriceConfig, path: string): Price | null {
  try {
    return priceOfConfig(price);
  } catch (error) {
    if (!(error instanceof PriceConfigError)) throw error;
    draft.problems.push(`${path}${error.word === undefined ? '' : `.${error.word}`}: ${error.message}`);
    return null;
  }
}

function unknownEndpoints(ids: readonly string[] | undefined): readonly string[] {
  return (ids ?? []).filter((id) => !endpoints.some((endpoint) => endpoint.id === id));
}

/** The operator's word on a parameter replaces ours. */
function parametersOf(own: ModelParameters, known: ModelParameters): { parameters?: NonNullable<ModelParameters> } {
  return own || known ? { parameters: { ...known, ...own } } : {};
}

interface KnownModel {
  readonly released?: string;
  readonly endpoints: readonly string[];
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly capabilities: readonly Capability[];
  readonly parameters?: NonNullable<ModelParameters>;
  readonly price: Price | null;
}

/** What comes with the gateway about a provider's model: the sandbox's own, or the shipped data of its preset. */
function knownModel(draft: Draft, provider: string, upstreamModel: string): KnownModel | undefined {
  const preset = isSandbox(draft, provider) ? sandboxProvider : presetOf(draft.config, provider);
  if (preset === sandboxProvider) return knownSandboxModel(upstreamModel);
  const models = shippedModels(preset);
  const shipped = Object.hasOwn(models, upstreamModel) ? models[upstreamModel] : undefined;
  return shipped && knownOf(upstreamModel, shipped);
}

function knownSandboxModel(upstreamModel: string): KnownModel | undefined {
  const model = findSandboxModel(upstreamModel);
  return model && { ...model, capabilities: model.capabilities ?? [], price: model.deployments[0]?.price ?? null };
}

function knownOf(upstreamModel: string, shipped: ShippedModel): KnownModel {
  const parameters = shipped.mode === 'chat' ? undefined : knownParameters(upstreamModel);
  return {
    ...(shipped.released !== undefined && { released: shipped.released }),
    endpoints: endpointsOf(shipped),
    contextTokens: shipped.context ?? null,
    maxOutputTokens: shipped.output ?? null,
    capabilities: shipped.can ?? [],
    ...(parameters && { parameters }),
    price: shipped.price ? priceOfWire(shipped.price) : null,
  };
}

function presetOf(config: GatewayConfig, provider: string): string {
  return config.providers[provider]?.preset ?? provider;
}

/** Every priced model of a configured preset, as `<provider id>/<model>`; one without a price could only be refused. */
function addShippedModels(draft: Draft): void {
  for (const [provider, settings] of Object.entries(draft.config.providers)) {
    if (settings.catalogModels === false || isSandbox(draft, provider)) continue;
    for (const [upstreamModel, shipped] of Object.entries(shippedModels(presetOf(draft.config, provider)))) {
      const id = `${provider}/${upstreamModel}`;
      if (!shipped.price || draft.models.has(id)) continue;
      const { price, released, ...facts } = knownOf(upstreamModel, shipped);
      const deployments = [{ id, provider, upstreamModel, priority: 0, weight: 1, price }];
      draft.models.set(id, { id, ownedBy: provider, created: createdOf(released), ...facts, deployments });
    }
  }
}

function addSandboxModels(draft: Draft): void {
  if (Object.hasOwn(draft.config.providers, sandboxProvider)) {
    draft.warnings.push('providers.sandbox: the built-in sandbox takes its place; choose another id for this provider');
  }
  for (const model of sandboxModels) {
    if (!draft.models.has(model.id)) draft.models.set(model.id, model);
  }
}

function catalogOf(models: ReadonlyMap<string, Model>): Catalog {
  const list = Object.freeze([...models.values()].toSorted((one, other) => (one.id < other.id ? -1 : 1)));
  const content = JSON.stringify(list, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
  return {
    revision: createHash('sha256').update(content).digest('hex'),
    find: (id) => models.get(id),
    list: () => list,
  };
}

function createdOf(released: string | undefined): number {
  const milliseconds = released === undefined ? Number.NaN : Date.parse(`${released}T00:00:00Z`);
  return Number.isNaN(milliseconds) ? unknownRelease : milliseconds / 1000;
}

function isSandbox(draft: Draft, provider: string): boolean {
  return draft.sandbox && provider === sandboxProvider;
}

function providerExists(draft: Draft, provider: string): boolean {
  return isSandbox(draft, provider) || Object.hasOwn(draft.config.providers, provider);
}

function unknownProvider(draft: Draft, provider: string): string {
  const known = [...Object.keys(draft.config.providers), ...(draft.sandbox ? [sandboxProvider] : [])];
  const hint = known.length > 0 ? `one of ${known.join(', ')}, or add` : 'add';
  return `"${provider}" is not under "providers"; write ${hint} "providers: {${provider}: {…}}"`;
}
