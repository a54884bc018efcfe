import { type ImageVariant, isUsageUnit, type UsageUnit } from '#libs/contracts';
import type { Price } from './model.js';

/** Size and quality as OpenAI writes them; undefined or `auto`: the model decides. */
export interface ImageVariantAsked {
  readonly size: string | undefined;
  readonly quality: string | undefined;
}

const imagePrefix = 'images:';
/** What no price names: the model may choose a size or quality that is priced only by a fallback. */
const other = '';

/** Images as asked for; what no unit can spell counts as `auto`, which holds and costs the dearest. */
export function imageVariantOf({ size, quality }: ImageVariantAsked): ImageVariant {
  const known = (part: string | undefined): string =>
    part !== undefined && !part.includes('/') && isUsageUnit(`${imagePrefix}${part}`) ? part : 'auto';
  const variant = `${known(size)}/${known(quality)}`;
  return isUsageUnit(`${imagePrefix}${variant}`) ? `${imagePrefix}${variant}` : `${imagePrefix}auto/auto`;
}

/**
 * The unit that one image is charged in: `images:<size>/<quality>`, `images:<size>`, `images:<quality>` or `images`,
 * whichever the price has first; where the model decides, the dearest that it might come to. Undefined: this price is
 * not per image, or not for such an image.
 */
export function imageUnitOf(price: Price, { size, quality }: ImageVariantAsked): UsageUnit | undefined {
  const variants = Object.keys(price).filter(isImageVariant);
  if (variants.length === 0) return price.images === undefined ? undefined : 'images';
  const sizes = isOpen(size) ? [...partsOf(variants, 'size'), other] : [size];
  const qualities = isOpen(quality) ? [...partsOf(variants, 'quality'), other] : [quality];
  let dearest: UsageUnit | undefined;
  for (const oneSize of sizes) {
    for (const oneQuality of qualities) {
      const unit = unitOf(price, oneSize, oneQuality);
      if (unit && (dearest === undefined || (price[unit] ?? 0n) > (price[dearest] ?? 0n))) dearest = unit;
    }
  }
  return dearest;
}

/** The same for a unit that a usage counts images in. */
export function imageUnitFor(price: Price, unit: UsageUnit): UsageUnit | undefined {
  const [size, quality] = unit.slice(imagePrefix.length).split('/');
  return imageUnitOf(price, { size, quality });
}

/** Whether a unit counts images, of whatever variant. */
export function countsImages(unit: string): boolean {
  return unit === 'images' || isImageVariant(unit);
}

function isImageVariant(unit: string): unit is ImageVariant {
  return unit.startsWith(imagePrefix);
}

function isOpen(part: string | undefined): part is 'auto' | '' | undefined {
  return part === undefined || part === '' || part === 'auto';
}

function unitOf(price: Price, size: string, quality: string): UsageUnit | undefined {
  const units: UsageUnit[] = [`images:${size}/${quality}`, `images:${size}`, `images:${quality}`, 'images'];
  return units.find((unit) => price[unit] !== undefined);
}

/** A word alone is a size if it begins with a digit (`1024x1024`, `2K`), else a quality (`hd`). */
function partsOf(variants: readonly ImageVariant[], kind: 'size' | 'quality'): string[] {
  return variants.flatMap((variant) => {
    const parts = variant.slice(imagePrefix.length).split('/');
    const [first = '', second] = parts;
    if (second !== undefined) return [kind === 'size' ? first : second];
    return /^\d/.test(first) === (kind === 'size') ? [first] : [];
  });
}
