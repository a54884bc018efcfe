import { type Catalog, type Model } from '#libs/catalog';
import { type Endpoint, endpoints, GatewayError } from '#libs/contracts';
import type { Live } from '#libs/runtime';

/** The models of this gateway as callers may name them. */
export class ModelCatalog {
  constructor(private readonly live: Live<Catalog>) {}

  get current(): Catalog {
    return this.live.current;
  }

  /** A model that serves the endpoint and has a price; throws a `GatewayError` for any other name. */
  getFor(endpoint: Endpoint, id: string): Model {
    const model = this.live.current.find(id);
    if (!model) throw unknownModel(id);
    if (!model.endpoints.includes(endpoint.id)) throw notServed(model, endpoint);
    if (!isPriced(model)) {
      const message = `The model \`${id}\` has no price, so it cannot be called. Ask the operator to set one.`;
      throw new GatewayError('model_not_priced', message, { param: 'model' });
    }
    return model;
  }
}

export function isPriced(model: Model): boolean {
  return model.deployments.some((deployment) => deployment.price !== null);
}

/** Worded as OpenAI does: clients match "does not exist". */
export function unknownModel(id: string): GatewayError {
  const message = `The model \`${id}\` does not exist or you do not have access to it.`;
  return new GatewayError('model_not_found', message, { param: 'model' });
}

function notServed({ id, endpoints: served }: Model, { path }: Endpoint): GatewayError {
  const paths = endpoints.filter((endpoint) => served.includes(endpoint.id)).map((endpoint) => endpoint.path);
  const instead = paths.length === 0 ? '' : ` Send it to ${paths.join(' or ')}, or name another model here.`;
  return new GatewayError('model_not_supported', `The model \`${id}\` does not serve ${path}.${instead}`, {
    param: 'model',
  });
}
