import { GatewayError } from '#libs/contracts';

/** Sizes of a model that takes any within bounds. */
export interface SizeRange {
  readonly min: number;
  readonly max: number;
  readonly multipleOf: number;
}

/** What an image model of a vendor takes, as data: whatever is not here is refused before anything is spent. */
export interface DrawRules {
  /** Absent: the model is told no size in pixels. */
  readonly sizes?: readonly string[] | SizeRange;
  /** Absent: the model is told no aspect ratio. */
  readonly aspects?: readonly string[];
  /** OpenAI's word for a quality → the vendor's. */
  readonly qualities?: Readonly<Record<string, string>>;
  readonly seed?: boolean;
  /** Most input images of an edit; 0: the model makes no edits. */
  readonly editImages: number;
  /** Makes nothing without an image. */
  readonly editsOnly?: boolean;
  /** Of a mask, what is to change is painted in this colour; absent: the model takes none. */
  readonly mask?: 'white' | 'black';
  /** Makes an image like another one, without a prompt. */
  readonly variations?: boolean;
  /** Can leave the background out. */
  readonly transparent?: boolean;
}

/** A vendor's image models: the first pattern that matches tells. */
export type DrawRuleList = readonly (readonly [model: RegExp, rules: DrawRules])[];

export function rulesIn(list: DrawRuleList): (model: string) => DrawRules | undefined {
  return (model) => list.find(([pattern]) => pattern.test(model))?.[1];
}

/** What a caller asks of a model. */
export interface AskedDrawing {
  readonly operation: 'generate' | 'edit' | 'vary';
  /** `WIDTHxHEIGHT`; undefined: the model's own. */
  readonly size: string | undefined;
  readonly aspectRatio: string | undefined;
  readonly quality: string | undefined;
  readonly seed: number | undefined;
  readonly transparent: boolean;
  readonly inputImages: number;
  readonly mask: boolean;
}

/** The part of a `DrawRequest` that rules decide. */
export interface FittedDrawing {
  readonly size: string | undefined;
  readonly aspectRatio: string | undefined;
  readonly quality: string | undefined;
}

/** OpenAI's words for "as you like". */
const unasked: ReadonlySet<string | undefined> = new Set([undefined, 'auto', 'standard']);

/** What is asked in the words of the model. Throws the error that names the parameter which the model lacks. */
export function fitDrawing(rules: DrawRules, asked: AskedDrawing, model: string): FittedDrawing {
  checkOperation(rules, asked, model);
  if (asked.seed !== undefined && !rules.seed) throw lacks('seed', `\`${model}\` takes no seed.`);
  if (asked.transparent && !rules.transparent) {
    throw lacksValue('background', `\`${model}\` cannot make a transparent background.`);
  }
  return { ...shapeOf(rules, asked, model), quality: qualityOf(rules, asked, model) };
}

/** `1536x1024` → `3:2`. */
export function aspectOf(size: string): string {
  const [width = 1, height = 1] = size.split('x').map(Number);
  const divisor = greatestDivisor(width, height);
  return `${width / divisor}:${height / divisor}`;
}

function checkOperation(rules: DrawRules, asked: AskedDrawing, model: string): void {
  const { operation, inputImages } = asked;
  if (operation === 'vary' && !rules.variations) throw cannot(`\`${model}\` makes no variations of an image.`);
  if (operation === 'edit' && rules.editImages === 0) throw cannot(`\`${model}\` edits no images.`);
  if (operation === 'generate' && rules.editsOnly) {
    throw cannot(`\`${model}\` makes images of images only: call /v1/images/edits.`);
  }
  if (operation === 'edit' && inputImages > rules.editImages) {
    throw lacks('image', `\`${model}\` takes at most ${rules.editImages} input image(s); ${inputImages} came.`);
  }
  if (asked.mask && !rules.mask) throw lacks('mask', `\`${model}\` takes no mask. Say in the prompt what to change.`);
}

function shapeOf(rules: DrawRules, { size, aspectRatio }: AskedDrawing, model: string) {
  if (aspectRatio !== undefined) {
    if (rules.aspects?.includes(aspectRatio)) return { size: undefined, aspectRatio };
    throw (rules.aspects ? lacksValue : lacks)(
      'aspect_ratio',
      `\`${model}\` takes ${shapesOf({ ...rules, sizes: [] })}.`,
    );
  }
  if (size === undefined || size === 'auto') return { size: undefined, aspectRatio: undefined };
  if (takesSize(rules.sizes, size)) return { size, aspectRatio: undefined };
  const aspect = aspectOf(size);
  if (rules.aspects?.includes(aspect)) return { size: undefined, aspectRatio: aspect };
  throw (rules.sizes || rules.aspects ? lacksValue : lacks)(
    'size',
    `\`${model}\` cannot make ${size}: it takes ${shapesOf(rules)}.`,
  );
}

function takesSize(sizes: DrawRules['sizes'], size: string): boolean {
  if (sizes === undefined) return false;
  if ('multipleOf' in sizes) {
    const { min, max, multipleOf } = sizes;
    return size.split('x').every((side) => {
      const pixels = Number(side);
      return pixels >= min && pixels <= max && pixels % multipleOf === 0;
    });
  }
  return sizes.includes(size);
}

function shapesOf({ sizes, aspects }: DrawRules): string {
  const words: string[] = [];
  if (sizes && 'multipleOf' in sizes) {
    const { min, max, multipleOf } = sizes;
    words.push(`sides from ${min} to ${max} pixels in steps of ${multipleOf}`);
  } else if (sizes && sizes.length > 0) words.push(`the sizes ${sizes.join(', ')}`);
  if (aspects) words.push(`any size of the aspect ratios ${aspects.join(', ')}`);
  return words.length === 0 ? 'no size: leave it out' : words.join(', or ');
}

function qualityOf({ qualities = {} }: DrawRules, { quality }: AskedDrawing, model: string): string | undefined {
  if (quality !== undefined && Object.hasOwn(qualities, quality)) return qualities[quality];
  if (quality === undefined || unasked.has(quality)) return undefined;
  const known = Object.keys(qualities).join(', ');
  throw (known === '' ? lacks : lacksValue)(
    'quality',
    `\`${model}\` takes ${known === '' ? 'no quality: leave it out' : `the qualities ${known}`}.`,
  );
}

function lacks(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_parameter', message, { param });
}

/** There is such a parameter, with other values. */
function lacksValue(param: string, message: string): GatewayError {
  return new GatewayError('unsupported_value', message, { param });
}

function cannot(message: string): GatewayError {
  return new GatewayError('model_not_supported', message, { param: 'model' });
}

function greatestDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestDivisor(other, one % other);
}
