import { deploymentConfig, gatewayConfig, type GatewayConfig, modelConfig } from '#libs/contracts';

/** What can be checked further of a configuration that the schema refuses. Never in force: only its problems are used. */
export interface SalvagedConfig {
  /** Entries keep their place and name; those with schema errors are stand-ins. */
  readonly config: GatewayConfig;
  /** True for a problem of a stand-in: it would vanish together with the schema error. */
  readonly isFollowUp: (problem: string) => boolean;
}

type Provider = GatewayConfig['providers'][string];
type Model = GatewayConfig['models'][number];
type Deployment = Model['deployments'][number];

/** Takes each provider and deployment that parses by itself, so that one wrong entry does not hide what is wrong in others. */
export function salvageConfig(value: unknown): SalvagedConfig {
  const root = isRecord(value) ? value : {};
  const standIns: string[] = [];
  const providers = providersOf(root['providers'], standIns);
  const models = modelsOf(root['models'], standIns, areProvidersTold(root));
  return {
    config: { apiVersion: 'modapi/v1', providers, models },
    isFollowUp: (problem) =>
      standIns.some((path) => problem.startsWith(path) && /^[.:[\s]/.test(problem.slice(path.length))),
  };
}

/** Without knowing the providers, each deployment would name an unknown one: they may stand under a misspelt key. */
function areProvidersTold(root: Record<string, unknown>): boolean {
  const { providers } = root;
  if (providers !== undefined) return isRecord(providers);
  return Object.keys(root).every((key) => Object.hasOwn(gatewayConfig.shape, key));
}

function providersOf(value: unknown, standIns: string[]): Record<string, Provider> {
  const providers = new Map<string, Provider>();
  for (const [id, settings] of Object.entries(isRecord(value) ? value : {})) {
    const parsed = gatewayConfig.safeParse({ apiVersion: 'modapi/v1', providers: { [id]: settings } });
    const [provider] = Object.values(parsed.data?.providers ?? {});
    // A stand-in, so that deployments which name it do not name an unknown provider.
    if (!provider) standIns.push(`providers.${id}`);
    providers.set(id, provider ?? { catalogModels: false });
  }
  return Object.fromEntries(providers);
}

function modelsOf(value: unknown, standIns: string[], areProvidersKnown: boolean): Model[] {
  return listOf(value).map((entry, index) => {
    const { id, deployments } = isRecord(entry) ? entry : {};
    return {
      // No id has a space: a stand-in is no one's duplicate.
      id: modelConfig.shape.id.safeParse(id).data ?? `model ${index}`,
      deployments: listOf(deployments).map((deployment, position): Deployment => {
        const parsed = areProvidersKnown ? deploymentConfig.safeParse(deployment).data : undefined;
        if (!parsed) standIns.push(`models[${index}].deployments[${position}]`);
        return parsed ?? { provider: `provider of ${position}`, free: true };
      }),
    };
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
