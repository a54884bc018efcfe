/** Models, who serves them, what they cost. */
export type { Capability, Catalog, CatalogBuild, Deployment, Model, Price } from './model.js';
/** modapi.yaml and the shipped data → the models of this gateway. */
export { buildCatalog, type CatalogOptions } from './build-catalog.js';
/** Usage × price → nano-dollars. */
export { chargeOf, UnpricedUnitError } from './charge.js';
/** Prices between dollars, integers and JSON. */
export { dollarsToNanos, nanosToDollars, priceOfWire, wirePrice } from './price.js';
