import type { ImageModelV4, ImageModelV4File, SharedV4ProviderOptions } from '@ai-sdk/provider';
import { GatewayError, type Usage } from '#libs/contracts';
import type { DialectCall, DrawnImage, DrawRequest, DrawResult, MediaBytes } from '../dialect.js';
import { contentTypeOf } from '../media/media-bytes.js';

/** Calls of one request at a time. */
const maxAtOnce = 4;

/** How a vendor's package is asked. */
export interface DrawWith {
  readonly model: ImageModelV4;
  /** Images per call; the package's own number where that is right. */
  readonly perCall: number;
  readonly options?: SharedV4ProviderOptions;
  /** Sends size or aspect in the package's own words. */
  readonly shape?: Partial<Pick<DrawRequest, 'size' | 'aspectRatio'>>;
}

type Drawn = Awaited<ReturnType<ImageModelV4['doGenerate']>>;

/** Asks a vendor's package for `n` images in as many calls as that takes: all of them, or an error. */
export async function drawWith({ model, perCall, options, shape }: DrawWith, call: DialectCall<DrawRequest>) {
  const { request } = call;
  const stop = new AbortController();
  const abortSignal = AbortSignal.any([call.signal, stop.signal]);
  const { size, aspectRatio } = { ...request, ...shape };
  const ask = (n: number) =>
    model.doGenerate({
      ...{ prompt: request.prompt === '' ? undefined : request.prompt, n, seed: request.seed, abortSignal },
      size: size as `${number}x${number}` | undefined,
      aspectRatio: aspectRatio as `${number}:${number}` | undefined,
      files: request.images.length === 0 ? undefined : request.images.map(fileOf),
      mask: request.mask && fileOf(request.mask),
      providerOptions: options ?? {},
    });
  try {
    const drawn = await inTurns(countsOf(request.n, perCall), async (n) => read(await ask(n), n));
    return { images: drawn.flatMap(({ images }) => images), usage: sumOf(drawn.map(({ usage }) => usage)) };
  } catch (error) {
    // One that failed makes the others worthless: they must not go on at our cost.
    stop.abort();
    throw refusalOf(error) ?? error;
  }
}

function countsOf(n: number, perCall: number): number[] {
  return Array.from({ length: Math.ceil(n / perCall) }, (_, index) => Math.min(perCall, n - index * perCall));
}

/** All results in order; rejects with the first failure, without starting what waits. */
async function inTurns<Result>(counts: readonly number[], ask: (n: number) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = counts.entries();
  let failed = false;
  const lane = async () => {
    for (const [index, n] of waiting) {
      if (failed) return;
      try {
        results[index] = await ask(n);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxAtOnce, counts.length) }, lane));
  return results;
}

function fileOf({ bytes, contentType }: MediaBytes): ImageModelV4File {
  return { type: 'file', mediaType: contentType, data: bytes };
}

function read({ images, usage, providerMetadata, isRetryable }: Drawn & { isRetryable?: boolean }, n: number) {
  if (images.length === 0) {
    if (isRetryable === false) throw contentRefused();
    throw new Error('the provider made no image');
  }
  if (images.length < n) throw new Error('the provider made too few images');
  const details = Object.values(providerMetadata ?? {})[0]?.images ?? [];
  return {
    images: images.slice(0, n).map((image, index) => imageOf(image, details[index])),
    usage: usageOf(usage),
  } satisfies DrawResult;
}

function imageOf(image: string | Uint8Array, detail: unknown): DrawnImage {
  const bytes = typeof image === 'string' ? Buffer.from(image, 'base64') : image;
  const contentType = contentTypeOf(bytes);
  if (!contentType?.startsWith('image/')) throw new Error('the provider sent something that is no image');
  const revised = (detail as { revisedPrompt?: unknown } | undefined)?.revisedPrompt;
  return { bytes, contentType, ...(typeof revised === 'string' && { revisedPrompt: revised }) };
}

function usageOf(usage: Drawn['usage']): Usage | undefined {
  if (!usage?.outputTokens) return undefined;
  return { input: usage.inputTokens ?? 0, output_image: usage.outputTokens };
}

/** Undefined unless all of them reported: a part of a bill is none. */
function sumOf(usages: readonly (Usage | undefined)[]): Usage | undefined {
  const sum: Usage = {};
  for (const usage of usages) {
    if (!usage) return undefined;
    sum.input = (sum.input ?? 0) + (usage.input ?? 0);
    sum.output_image = (sum.output_image ?? 0) + (usage.output_image ?? 0);
  }
  return sum;
}

const refusedWords = /\bmoderat|content[ _]policy|content[ _]checker|\bNSFW\b|safety (?:filter|system)|\bflagged\b/i;

/** Vendors' content filters answer with errors of every status and shape, or with a job that failed. */
function refusalOf(error: unknown): GatewayError | undefined {
  if (!(error instanceof Error) || error instanceof GatewayError) return undefined;
  if (error.name !== 'AI_APICallError') return refusedWords.test(error.message) ? contentRefused() : undefined;
  const { statusCode = 0, responseBody = '' } = error as { statusCode?: number; responseBody?: string };
  const isRefusal = (statusCode === 400 || statusCode === 422) && refusedWords.test(responseBody);
  return isRefusal ? contentRefused() : undefined;
}

/** What a caller hears when a vendor's content filter refused. */
export function contentRefused(): GatewayError {
  const message = "The provider's content filter refused this request. Change the prompt or the images.";
  const error = { message, type: 'invalid_request_error', param: null, code: 'content_policy_violation' };
  return new GatewayError('upstream_rejected', message, { status: 400, upstream: error, retryable: false });
}
