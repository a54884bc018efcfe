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
  readonly deployments: readonly Deployment[];
}

/** All models of one configuration; immutable, replaced as a whole on reload. */
export interface Catalog {
  /** Changes with the content: a hash. */
  readonly revision: string;
  find(id: string): Model | undefined;
  list(): readonly Model[];
}
