import { GatewayError } from '#libs/contracts';
import { type AttemptSource, DialectAttempt, type WholeAnswer } from '#libs/inference';
import {
  type Dialect,
  type DialectSettings,
  type DrawnImage,
  type DrawRequest,
  type DrawResult,
  type DrawRules,
  fitDrawing,
} from '#libs/providers';
import { type AskedImages, askedImages, inputsOf, parametersOf } from './asked-images.js';
import { inFormat, paintedMask, pixelsOf } from './image-format.js';
import { ImageLinks } from './image-links.js';
import {
  believedTokens,
  chargedImages,
  isByPixels,
  type MadeImages,
  meteredImages,
  reportedImages,
} from './image-meter.js';
import type { ImageParts } from './image-parts.js';
import { type InputImages, withInputImages } from './input-images.js';
import { prefixOf } from './relayed-images.js';
import { completedEvents, eventsType, imagesAnswer, jsonType, type RenderedImage } from './rendered-images.js';

/** Images in a vendor's own protocol; whatever its model lacks is refused before anybody is called. */
export function drawImages(
  source: AttemptSource,
  parts: ImageParts,
  operation: 'generate' | 'edit' | 'vary',
): DialectAttempt {
  const drawing = new Drawing(source, parts, operation);
  return new DialectAttempt(source, {
    ask: (dialect, settings, signal) => drawing.ask(dialect, settings, signal),
    count: () => drawing.count(),
  });
}

class Drawing {
  private readonly asked: AskedImages;
  private readonly fitted: Pick<DrawRequest, 'size' | 'aspectRatio' | 'quality'>;
  private readonly rules: DrawRules;
  private readonly links: ImageLinks;
  private made: MadeImages = { images: 0 };

  constructor(
    private readonly source: AttemptSource,
    private readonly parts: ImageParts,
    operation: 'generate' | 'edit' | 'vary',
  ) {
    const { call, head } = source;
    this.rules = rulesOf(source);
    const parameters = parametersOf(call, head);
    this.asked = askedImages(operation, parameters, inputsOf(head, parameters));
    this.fitted = fitDrawing(this.rules, this.asked.drawing, head.model);
    this.links = new ImageLinks(source, parts);
    refuseLinks(this.links);
  }

  async ask(dialect: Dialect, settings: DialectSettings, signal: AbortSignal): Promise<WholeAnswer> {
    const { remote } = this.parts;
    const { origin } = this.source.target.upstream;
    const all = { ...settings, download: (url: string, stop = signal) => remote.result(url, origin, stop) };
    const model = this.source.target.deployment.upstreamModel;
    const ask = async (inputs: InputImages) => {
      if (!dialect.draw) throw new GatewayError('internal_error', 'This provider draws nothing.');
      return dialect.draw({ settings: all, model, request: await this.requestOf(inputs), signal });
    };
    const { operation } = this.asked.drawing;
    const result =
      operation === 'generate'
        ? await ask({ images: [], mask: undefined })
        : await withInputImages(this.source, this.parts, ask);
    return this.render(result);
  }

  count() {
    const { head, target } = this.source;
    const prompt = () => this.asked.prompt;
    return meteredImages(this.made, { price: target.price, facts: head.facts, prompt });
  }

  private async requestOf({ images, mask }: InputImages): Promise<DrawRequest> {
    const { prompt, n, drawing } = this.asked;
    const painted = mask && this.rules.mask ? await paintedMask(mask, this.rules.mask) : undefined;
    return { prompt, n, seed: drawing.seed, ...this.fitted, images, mask: painted };
  }

  private async render({ images, usage: reported }: DrawResult): Promise<WholeAnswer> {
    const { head, target } = this.source;
    const formatted: DrawnImage[] = [];
    // One after the other: each is unpacked to many times its size.
    for (const image of images) formatted.push(await inFormat(image, this.asked));
    const charged = chargedImages(images.length, head.facts);
    const usage = believedTokens(reported, charged, () => this.asked.prompt);
    const pixels = isByPixels(target.price) ? await pixelsIn(formatted.slice(0, charged)) : undefined;
    this.made = { images: charged, tokens: usage, pixels };
    const { drawing } = this.asked;
    const terms = { price: target.price, facts: head.facts };
    const details = {
      outputFormat: formatted[0]?.contentType.replace('image/', ''),
      ...{ size: drawing.size, quality: drawing.quality, usage },
      background: drawing.transparent ? 'transparent' : undefined,
    };
    const rendered = await Promise.all(formatted.map(async (image) => this.placed(image)));
    const body = head.stream
      ? completedEvents(prefixOf(this.source), rendered, details)
      : imagesAnswer(rendered, details);
    const contentType = head.stream ? eventsType : jsonType;
    return {
      kind: 'answer',
      body,
      contentType,
      usage: usage && reportedImages(this.made, terms),
      usageDisbelieved: usage !== reported,
    };
  }

  private async placed(image: DrawnImage): Promise<RenderedImage> {
    const { revisedPrompt } = image;
    if (this.links.stores && !this.source.head.stream) return { url: await this.links.linkTo(image), revisedPrompt };
    const { buffer, byteOffset, byteLength } = image.bytes;
    return { b64: Buffer.from(buffer, byteOffset, byteLength).toString('base64'), revisedPrompt };
  }
}

function rulesOf({ head, target }: AttemptSource): DrawRules {
  const { upstream, deployment } = target;
  const rules = upstream.provider.dialect?.draws?.(deployment.upstreamModel);
  if (rules) return rules;
  const message = `It is not known that \`${head.model}\` makes images. Choose an image model.`;
  throw new GatewayError('model_not_supported', message, { param: 'model' });
}

/** Said before money is spent: links need a place to keep files. */
export function refuseLinks({ asked, stores }: ImageLinks): void {
  if (asked !== 'url' || stores) return;
  const message = 'This gateway keeps no images to link to. Ask for `response_format: "b64_json"`.';
  throw new GatewayError('unsupported_value', message, { param: 'response_format' });
}

async function pixelsIn(images: readonly DrawnImage[]): Promise<number> {
  let sum = 0;
  for (const { bytes } of images) sum += await pixelsOf(bytes);
  return sum;
}
