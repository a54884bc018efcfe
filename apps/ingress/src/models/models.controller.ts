import { Controller, Get, Header, Param } from '@nestjs/common';
import type { Catalog, Model } from '#libs/catalog';
import { isPriced, ModelCatalog, unknownModel } from './model-catalog.js';

interface ModelObject {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

const longestIdShown = 256;

/** `GET /v1/models`: what a caller may name. */
@Controller()
export class ModelsController {
  private rendered: { readonly catalog: Catalog; readonly list: string } | undefined;

  constructor(private readonly models: ModelCatalog) {}

  @Get('v1/models')
  @Header('content-type', 'application/json; charset=utf-8')
  list(): string {
    const catalog = this.models.current;
    if (this.rendered?.catalog !== catalog) {
      const data = catalog.list().filter(isPriced).map(toObject);
      this.rendered = { catalog, list: JSON.stringify({ object: 'list', data }) };
    }
    return this.rendered.list;
  }

  /** A wildcard: ids have slashes, sent as they are or as `%2F`. */
  @Get('v1/models/*')
  retrieve(@Param('*') id: string): ModelObject {
    const model = this.models.current.find(id);
    if (!model) throw unknownModel(id.slice(0, longestIdShown));
    return toObject(model);
  }
}

function toObject(model: Model): ModelObject {
  return { id: model.id, object: 'model', created: model.created, owned_by: model.ownedBy };
}
