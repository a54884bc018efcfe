import { type AddressRules, checkDataUrl, isDataUrl, requireMediaUrl } from '#libs/providers';

interface ImageReference {
  readonly image_url: string;
}

/**
 * Refuses images of a checked request that must not be fetched, or are none, before any money is held. Where a name
 * leads is for whoever fetches it. Says how many there are, the mask included.
 */
export function checkImageReferences(value: Readonly<Record<string, unknown>>, rules: AddressRules): number {
  const images = (value['images'] ?? []) as readonly ImageReference[];
  for (const [index, image] of images.entries()) check(image, `images[${index}].image_url`, rules);
  const mask = (value['mask'] ?? undefined) as ImageReference | undefined;
  if (mask) check(mask, 'mask.image_url', rules);
  return images.length + (mask ? 1 : 0);
}

function check({ image_url: url }: ImageReference, param: string, rules: AddressRules): void {
  if (isDataUrl(url)) checkDataUrl(url, param);
  else requireMediaUrl(url, param, rules);
}
