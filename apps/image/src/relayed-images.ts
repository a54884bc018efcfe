import { GatewayError, imagesEdits, type Usage } from '#libs/contracts';
import {
  type AttemptSource,
  type FlowReader,
  type MeteredUsage,
  type OpenAnswer,
  RelayAttempt,
  type WholeAnswer,
} from '#libs/inference';
import {
  type FailureContext,
  failureOfErrorObject,
  failureOfGarbage,
  headerText,
  type ImageAnswer,
  ImageEvents,
  type ImageFault,
  memberBase64,
  readImageAnswer,
  type UpstreamFailure,
  type UpstreamRequest,
} from '#libs/providers';
import { ImageLinks } from './image-links.js';
import { pixelsOf, sizeInHeader } from './image-format.js';
import {
  believedTokens,
  chargedImages,
  claimedPixels,
  isByPiece,
  isByPixels,
  type MadeImages,
  meteredImages,
  type MeterTerms,
  pixelsBySize,
  reportedImages,
} from './image-meter.js';
import type { ImageParts } from './image-parts.js';
import { completedEvents, errorAfter, eventsType, jsonType } from './rendered-images.js';

/** Ten large images in base64. */
const maxAnswerBytes = 96 * 1024 * 1024;

/** Of an image in a stream that does not say its size. */
const usualPixels = 1024 * 1024;

/** What relaying needs beside its source. */
export interface RelayedOptions {
  readonly parts: ImageParts;
  request(ownHeaders: readonly string[]): UpstreamRequest;
  readonly prompt: () => string;
}

/** Images on OpenAI's wire: answers and events of the provider, with the images where the caller wants them. */
export function relayImages(source: AttemptSource, options: RelayedOptions): RelayAttempt {
  const images = new RelayedImages(source, options);
  return new RelayAttempt(source, {
    request: (ownHeaders) => options.request(ownHeaders),
    open: images.open,
    count: () => images.count(),
  });
}

class RelayedImages {
  private readonly context: FailureContext;
  private readonly links: ImageLinks;
  private readonly terms: MeterTerms;
  private made: MadeImages = { images: 0 };
  private events: ImageEvents | undefined;

  constructor(
    private readonly source: AttemptSource,
    { parts, prompt }: RelayedOptions,
  ) {
    const { head, target } = source;
    this.context = { upstream: target.upstream, model: head.model, upstreamModel: target.deployment.upstreamModel };
    this.links = new ImageLinks(source, parts);
    this.terms = { price: target.price, facts: head.facts, prompt };
  }

  readonly open: OpenAnswer = (headers) => {
    const isStream = headerText(headers, 'content-type')?.startsWith('text/event-stream') === true;
    if (isStream) return this.flow();
    return { kind: 'whole', maxBytes: maxAnswerBytes, read: (body) => this.read(body) };
  };

  count(): Promise<MeteredUsage> {
    if (this.events) this.learnOfStream(this.events);
    return meteredImages(this.made, this.terms);
  }

  private async read(body: Buffer): Promise<WholeAnswer | UpstreamFailure> {
    const answer = readImageAnswer(body);
    if (answer.kind === 'error') return failureOfErrorObject(answer.error, this.context);
    if (answer.kind === 'garbled') return failureOfGarbage(this.context);
    try {
      const isStream = this.source.head.stream;
      const { length: images } = answer.images;
      const usage = believedTokens(answer.usage, chargedImages(images, this.terms.facts), this.terms.prompt);
      const usageDisbelieved = answer.usageDisbelieved || usage !== answer.usage;
      const believed = { ...answer, usage };
      const written = isStream ? await this.asEvents(body, believed) : await this.links.place(body, answer);
      await this.learn(body, believed);
      return {
        kind: 'answer',
        body: written,
        contentType: isStream ? eventsType : jsonType,
        usage: usage && reportedImages(this.made, this.terms),
        usageDisbelieved,
      };
    } catch (cause) {
      // An image that cannot be had where the provider says it is, or that is none.
      const message = 'The provider made an image that could not be fetched from it. Retry.';
      const error = new GatewayError('upstream_error', message, { cause });
      return { ...failureOfGarbage(this.context), error };
    }
  }

  /** A stream was asked for, and a whole answer came: it is one that has no partial images. */
  private async asEvents(body: Buffer, answer: ImageAnswer): Promise<Buffer> {
    const images: { b64: Buffer | string }[] = [];
    for (const image of answer.images) images.push({ b64: await this.links.base64Of(body, image) });
    return completedEvents(prefixOf(this.source), images, answer);
  }

  private async learn(body: Buffer, answer: ImageAnswer): Promise<void> {
    const { size, quality, usage } = answer;
    const { facts, price } = this.terms;
    this.made = { images: chargedImages(answer.images.length, facts), size, quality, tokens: usage };
    if (isByPiece(price) && !isByPixels(price)) this.made = { ...this.made, size: await this.sizeOf(body, answer) };
    if (!isByPixels(price)) return;
    const isAsAsked = size === undefined || size === facts['size'];
    const known = isAsAsked ? pixelsBySize(this.made, facts) : undefined;
    const pixels = known ?? (await this.measured(body, answer));
    this.made = { ...this.made, pixels };
  }

  /** A size that was not asked for is believed of the image's own header; undefined: as asked. */
  private async sizeOf(body: Buffer, { images, size }: ImageAnswer): Promise<string | undefined> {
    const asked = this.terms.facts['size'];
    if (size === undefined || size === asked) return size;
    const b64 = images[0]?.b64;
    const inHeader = b64 && (await sizeInHeader(Buffer.from(memberBase64(body, b64).toString('latin1'), 'base64')));
    return inHeader ?? (asked === undefined || asked === 'auto' ? size : undefined);
  }

  private async measured(body: Buffer, { images }: ImageAnswer): Promise<number> {
    let sum = 0;
    for (const image of images.slice(0, this.made.images)) {
      const base64 = await this.links.base64Of(body, image);
      sum += await pixelsOf(Buffer.from(base64.toString('latin1'), 'base64'));
    }
    return sum;
  }

  private flow(): FlowReader {
    const events = new ImageEvents();
    this.events = events;
    const { requestId } = this.source.head;
    const fail = (fault: ImageFault | undefined) => fault && { failure: this.failureOf(fault) };
    const usage = () => this.reportOf(events);
    const usageOf = () => this.tokensOf(events);
    return {
      kind: 'flow',
      contentType: eventsType,
      push(chunk) {
        const { write, fault } = events.push(chunk);
        return { ...(write && { write }), ...fail(fault) };
      },
      finish() {
        const { write, fault, complete } = events.finish();
        return { complete, ...(write && { write }), ...fail(fault) };
      },
      get usage() {
        return usage();
      },
      get usageDisbelieved() {
        return events.usageDisbelieved || usageOf() !== events.usage;
      },
      errorBytes: (error) => errorAfter(events.isInside, error, requestId),
    };
  }

  private reportOf(events: ImageEvents): Usage | undefined {
    if (!this.tokensOf(events)) return undefined;
    this.learnOfStream(events);
    return reportedImages(this.made, this.terms);
  }

  private tokensOf({ usage, completed }: ImageEvents): Usage | undefined {
    return believedTokens(usage, chargedImages(completed, this.terms.facts), this.terms.prompt);
  }

  private learnOfStream(events: ImageEvents): void {
    const { completed, partials, size, quality } = events;
    const usage = this.tokensOf(events);
    const { call, head } = this.source;
    // Who leaves after a partial image has seen what it paid for, and its provider bills all of it.
    const left = completed === 0 && partials > 0 && call.signal.aborted;
    this.made = {
      images: left ? Number(head.facts['n'] ?? 1) : chargedImages(completed, head.facts),
      size,
      quality,
      tokens: usage,
    };
    const { price, facts } = this.terms;
    if (!isByPixels(price)) return;
    const pixels = claimedPixels(this.made, facts) ?? this.made.images * usualPixels;
    this.made = { ...this.made, pixels };
  }

  private failureOf(fault: ImageFault): UpstreamFailure {
    return fault.kind === 'error' ? failureOfErrorObject(fault.error, this.context) : failureOfGarbage(this.context);
  }
}

/** Of an event's type. */
export function prefixOf({ head }: AttemptSource): 'image_generation' | 'image_edit' {
  return head.endpoint === imagesEdits.id ? 'image_edit' : 'image_generation';
}
