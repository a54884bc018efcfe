import { GatewayError, type InferenceCallHead } from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import type { AskedDrawing } from '#libs/providers';
import type { AskedFormat } from './image-format.js';

/** What a caller asks of a vendor's model, out of JSON or a form. */
export interface AskedImages extends AskedFormat {
  readonly prompt: string;
  readonly n: number;
  readonly drawing: AskedDrawing;
}

type Parameters = Readonly<Record<string, unknown>>;

/** OpenAI's parameters that are carried out here or by the vendor; every other one would be dropped in silence. */
const known: ReadonlySet<string> = new Set([
  ...['model', 'prompt', 'n', 'size', 'quality', 'aspect_ratio', 'seed', 'background', 'output_format'],
  ...['output_compression', 'response_format', 'stream', 'images', 'mask'],
  // Up to so many: a model that makes none is within it.
  'partial_images',
  // Says who asks, which no other vendor wants to know.
  'user',
]);

/** Values that ask for what is done anyhow. */
const idle: Readonly<Record<string, unknown>> = { moderation: 'auto', background: 'auto', input_fidelity: 'low' };

/** Reads the parameters of a call that goes to a vendor's own protocol; refuses what that has no word for. */
export function askedImages(operation: AskedDrawing['operation'], parameters: Parameters, inputs: Inputs): AskedImages {
  const asked = Object.entries(parameters).filter(([name, value]) => value != null && value !== idle[name]);
  const strange = asked.find(([name]) => !known.has(name.replace(/\[\]$/, '')));
  if (strange) {
    const [param] = strange;
    const message = `This model's provider has no '${param}'. Leave it out, or choose another model.`;
    throw new GatewayError('unsupported_parameter', message, { param });
  }
  const { prompt, n, seed, background } = parameters;
  if (operation !== 'vary' && (typeof prompt !== 'string' || prompt === '')) {
    const message = 'Say in `prompt` what the image is to show.';
    throw new GatewayError('missing_required_parameter', message, { param: 'prompt' });
  }
  return {
    prompt: operation === 'vary' ? '' : String(prompt),
    n: numberOf(n) ?? 1,
    format: textOf(parameters['output_format']),
    compression: numberOf(parameters['output_compression']),
    drawing: {
      ...{ operation, ...inputs, seed: numberOf(seed), transparent: background === 'transparent' },
      ...{ size: textOf(parameters['size']), quality: textOf(parameters['quality']) },
      aspectRatio: textOf(parameters['aspect_ratio']),
    },
  };
}

/** How many images came with a call. */
export type Inputs = Pick<AskedDrawing, 'inputImages' | 'mask'>;

/** Parameters of a call: fields of its form, or its JSON. */
export function parametersOf(call: IncomingCall, { form }: InferenceCallHead): Parameters {
  if (form) return Object.fromEntries(form.fields.map(({ name, value }) => [name, value]));
  return JSON.parse(Buffer.from(call.body).toString()) as Parameters;
}

/** Empty where there is none, as of a variation. */
export function promptOf({ call, head }: { call: IncomingCall; head: InferenceCallHead }): string {
  return textOf(parametersOf(call, head)['prompt']) ?? '';
}

/** The images of a call, before any of them is read. */
export function inputsOf({ form }: InferenceCallHead, parameters: Parameters): Inputs {
  if (!form) {
    const images = parameters['images'];
    return { inputImages: Array.isArray(images) ? images.length : 0, mask: parameters['mask'] != null };
  }
  const masks = form.files.filter(({ name }) => name === 'mask').length;
  return { inputImages: form.files.length - masks, mask: masks > 0 };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Fields of a form are texts. */
function numberOf(value: unknown): number | undefined {
  if (value == null || value === '') return undefined;
  const number = Number(value);
  return Number.isInteger(number) ? number : undefined;
}
