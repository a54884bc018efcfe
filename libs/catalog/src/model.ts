import type { UsageUnit } from '#libs/contracts';

/** Nano-dollars per 1,000,000 units. */
export type Price = Readonly<Partial<Record<UsageUnit, bigint>>>;

/** One provider that serves a model. */
export interface Deployment {
  /** `<provider>/<upstream model>`. */
  readonly id: string;
  /** Id under `providers` in modapi.yaml. */
  readonly provider: string;
  readonly upstreamModel: string;
  /** Lower is tried first; equal ones share by weight. */
  readonly priority: number;
  readonly weight: number;
  /** null: no price is known, so calls are refused. A free model has a price of zero. */
  readonly price: Price | null;
}

/** What the shipped data says a model can do; absent from the list means unknown or no. */
export type Capability = 'tools' | 'vision' | 'json_schema' | 'reasoning';

/** What a model takes of one parameter; all that is given must hold. */
export interface ParameterRule {
  /** It knows no such parameter. */
  readonly refused?: boolean | undefined;
  /** The values that it takes; of a list, of each element. */
  readonly oneOf?: readonly (string | number)[] | undefined;
  readonly max?: number | undefined;
  /** In Unicode code points. */
  readonly maxLength?: number | undefined;
}

/** A public model id and who serves it. */
export interface Model {
  readonly id: string;
  readonly ownedBy: string;
  /** Unix seconds. */
  readonly created: number;
  /** Ids of the endpoints that it answers on. */
  readonly endpoints: readonly string[];
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly capabilities?: readonly Capability[];
  /** By parameter name on OpenAI's wire; a parameter without a rule goes to the provider as it is. */
  readonly parameters?: Readonly<Record<string, ParameterRule>>;
  readonly deployments: readonly Deployment[];
}

/** All models of one configuration; immutable, replaced as a whole on reload. */
export interface Catalog {
  /** Changes with the content: a hash. */
  readonly revision: string;
  find(id: string): Model | undefined;
  list(): readonly Model[];
}

/** What `buildCatalog` makes of a configuration. */
export interface CatalogBuild {
  readonly value: Catalog;
  /** Mistakes: each names the path in modapi.yaml and what to write instead. A configuration with any is not used. */
  readonly problems: string[];
  /** Worth a log line at start: a deployment without a price is never called. */
  readonly warnings: string[];
}
