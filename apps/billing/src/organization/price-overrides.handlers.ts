import { Inject, Injectable } from '@nestjs/common';
import {
  buildCatalog,
  type Catalog,
  chargeOf,
  type Deployment,
  fitUsage,
  type Price,
  priceOfWire,
  UnpricedUnitError,
} from '#libs/catalog';
import {
  GatewayError,
  type ListPage,
  listQuery,
  priceOverrideBody,
  type PriceOverrideObject,
  type Usage,
  type WirePrice,
} from '#libs/contracts';
import { LIVE_CONFIG, type Live, type LiveConfig } from '#libs/runtime';
import { unixSeconds } from '../keys/owned-rows.js';
import { loadPage } from '../keys/row-page.js';
import { noSuchObject } from './call-validation.js';
import type { HandlerGroup, OrganizationCall } from './handler-group.js';

interface PriceOverrideRow {
  readonly id: string;
  readonly model: string;
  readonly price: PriceOverrideObject['price'];
  readonly created_at: Date;
}

/** A model id may hold slashes and be long: in a path and as a cursor it goes by its hash. */
const rows = `(
  select 'price_' || left(encode(sha256(convert_to(model, 'UTF8')), 'hex'), 32) as id,
    organization_id, model, price, created_at
  from price_overrides)`;

/** What an organization pays instead of the catalog's price. */
@Injectable()
export class PriceOverridesHandlers implements HandlerGroup {
  readonly handlers = {
    'price_overrides.list': list,
    'price_overrides.set': (call: OrganizationCall) => set(call, this.catalog.current),
    'price_overrides.delete': remove,
  };
  private readonly catalog: Live<Catalog>;

  constructor(@Inject(LIVE_CONFIG) config: LiveConfig) {
    this.catalog = config.derive((current) => {
      // Whether a sandbox runs is not known here. Of warnings the apps that serve models tell.
      const { value, problems } = buildCatalog(current, { sandbox: true });
      return { value, problems };
    });
  }
}

function list(call: OrganizationCall): Promise<ListPage<PriceOverrideObject>> {
  const source = {
    select: `select t.* from ${rows} t`,
    table: rows,
    owned: 't.organization_id = $1',
    values: [call.organizationId],
  };
  return loadPage<PriceOverrideRow, PriceOverrideObject>(
    call.manager,
    source,
    listQuery.parse(call.query),
    priceOverrideOf,
  );
}

async function set(call: OrganizationCall, catalog: Catalog): Promise<PriceOverrideObject> {
  const { model, price } = priceOverrideBody.parse(call.body);
  const known = catalog.find(model);
  if (!known) {
    // A misspelt model would be charged at the catalog's price, and nobody would notice.
    const message = `There is no model \`${model}\` on this gateway. GET /v1/models lists them.`;
    throw new GatewayError('model_not_found', message, { param: 'model' });
  }
  const missing = unpricedUnits(price as WirePrice, known.deployments);
  if (missing.length > 0 && missing.every((unit) => unit !== undefined)) {
    const message = `Calls of \`${model}\` are counted in ${missing[0]}, and the price has none for it. Add \`price.${missing[0]}\`.`;
    throw new GatewayError('missing_required_parameter', message, { param: `price.${missing[0]}` });
  }
  await call.manager.query(
    `insert into price_overrides (organization_id, model, price) values ($1, $2, $3)
     on conflict (organization_id, model) do update set price = excluded.price`,
    [call.organizationId, model, JSON.stringify(price)],
  );
  const row = await load(call, 't.model = $2', model);
  call.audit({ type: 'price_override.set', details: { id: row.id, model, price } });
  call.forgetKeys({ organizationId: call.organizationId });
  return priceOverrideOf(row);
}

/** For each deployment whose units are known, the first that an override does not price; undefined: it prices all. */
function unpricedUnits(override: WirePrice, deployments: readonly Deployment[]): (string | undefined)[] {
  const price = priceOfWire(override);
  const prices = deployments.flatMap((deployment) => deployment.price ?? []);
  // A free deployment has every unit, and is counted in one of them.
  const charging = prices.filter((own) => Object.values(own).some((nanos = 0n) => nanos > 0n));
  return charging.map((own) => unpricedUnit(Object.fromEntries(Object.keys(own).map((unit) => [unit, 1])), price));
}

function unpricedUnit(usage: Usage, price: Price): string | undefined {
  try {
    chargeOf(fitUsage(usage, price).usage, price);
    return undefined;
  } catch (error) {
    if (error instanceof UnpricedUnitError) return error.unit;
    throw error;
  }
}

async function remove(call: OrganizationCall): Promise<object> {
  const { id, model } = await load(call, 't.id = $2', call.params['price_override_id'] ?? '');
  await call.manager.query(`delete from price_overrides where organization_id = $1 and model = $2`, [
    call.organizationId,
    model,
  ]);
  call.audit({ type: 'price_override.deleted', details: { id, model } });
  call.forgetKeys({ organizationId: call.organizationId });
  return { id, object: 'organization.price_override.deleted', deleted: true };
}

async function load(call: OrganizationCall, condition: string, value: string): Promise<PriceOverrideRow> {
  const [row] = await call.manager.query<PriceOverrideRow[]>(
    `select t.* from ${rows} t where t.organization_id = $1 and ${condition}`,
    [call.organizationId, value],
  );
  if (!row) throw noSuchObject('price override');
  return row;
}

function priceOverrideOf(row: PriceOverrideRow): PriceOverrideObject {
  return {
    id: row.id,
    object: 'organization.price_override',
    model: row.model,
    price: row.price,
    created_at: unixSeconds(row.created_at),
  };
}
