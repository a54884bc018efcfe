import { buildCatalog, type Catalog } from '#libs/catalog';
import { buildUpstreams, type Upstream } from '#libs/providers';
import type { Live, LiveConfig, ReadSecret } from '#libs/runtime';

export interface ServedModelsOptions {
  readonly sandboxUrl: string | undefined;
  readonly readSecret: ReadSecret;
}

/** Models and providers of the newest good configuration; a reload swaps both together. */
export class ServedModels {
  private readonly liveCatalog: Live<Catalog>;
  private readonly liveUpstreams: Live<ReadonlyMap<string, Upstream>>;

  constructor(config: LiveConfig, { sandboxUrl, readSecret }: ServedModelsOptions) {
    this.liveCatalog = config.derive((current) => buildCatalog(current, { sandbox: sandboxUrl !== undefined }));
    this.liveUpstreams = config.derive((current) => buildUpstreams(current, { sandboxUrl, readSecret }));
  }

  get catalog(): Catalog {
    return this.liveCatalog.current;
  }

  /** By id under `providers` in modapi.yaml. */
  get upstreams(): ReadonlyMap<string, Upstream> {
    return this.liveUpstreams.current;
  }
}
