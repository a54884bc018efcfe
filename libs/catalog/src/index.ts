/** Models, who serves them, what they cost. */
export type { Capability, Catalog, CatalogBuild, Deployment, Model, Price } from './model.js';
/** modapi.yaml and the shipped data → the models of this gateway. */
export { buildCatalog, type CatalogOptions } from './build-catalog.js';
/** Usage × price → nano-dollars. */
export { chargeOf, UnpricedUnitError } from './charge.js';
/** What of a usage a price charges, and what is only reported. */
export { fitUsage, type FittedUsage } from './fit-usage.js';
/** The unit that a price lacks for an endpoint: such a call is refused before it starts. */
export { unpricedUnit } from './endpoint-units.js';
/** Prices between dollars, integers and JSON. */
export { dollarsToNanos, nanosToDollars, priceOfWire, wirePrice } from './price.js';
/** What a model cannot do, said before anything is spent. */
export { type AskedParameters, unsupportedBy } from './abilities.js';
/** The unit of an image whose price depends on size and quality. */
export { type ImageVariantAsked, imageUnitOf, imageVariantOf } from './image-unit.js';
