import { Controller, Get, Header, Param, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Catalog, Model } from '#libs/catalog';
import { isModelAllowed } from '../auth/key-policy.js';
import { isPriced, ModelCatalog, unknownModel } from './model-catalog.js';

interface ModelObject {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

const longestIdShown = 256;

/** `GET /v1/models`: what this key may name. */
@Controller()
export class ModelsController {
  private rendered: { readonly catalog: Catalog; readonly list: string } | undefined;

  constructor(private readonly models: ModelCatalog) {}

  @Get('v1/models')
  @Header('content-type', 'application/json; charset=utf-8')
  list(@Req() request: FastifyRequest): string {
    const catalog = this.models.current;
    const policy = request.record.identity?.policy;
    if (policy && policy.models !== null) {
      const allowed = catalog.list().filter((model) => isPriced(model) && isModelAllowed(policy, model.id));
      return JSON.stringify({ object: 'list', data: allowed.map(toObject) });
    }
    if (this.rendered?.catalog !== catalog) {
      const data = catalog.list().filter(isPriced).map(toObject);
      this.rendered = { catalog, list: JSON.stringify({ object: 'list', data }) };
    }
    return this.rendered.list;
  }

  /** A wildcard: ids have slashes, sent as they are or as `%2F`. */
  @Get('v1/models/*')
  retrieve(@Param('*') id: string, @Req() request: FastifyRequest): ModelObject {
    const model = this.models.current.find(id);
    const policy = request.record.identity?.policy;
    if (!model || (policy && !isModelAllowed(policy, model.id))) throw unknownModel(id.slice(0, longestIdShown));
    return toObject(model);
  }
}

function toObject(model: Model): ModelObject {
  return { id: model.id, object: 'model', created: model.created, owned_by: model.ownedBy };
}
