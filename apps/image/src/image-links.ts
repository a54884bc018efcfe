import type { AttemptSource } from '#libs/inference';
import {
  type AnsweredImage,
  contentTypeOf,
  type ImageAnswer,
  type ImageMember,
  type MediaBytes,
  memberBase64,
  memberText,
} from '#libs/providers';
import type { ImageParts } from './image-parts.js';
import { linkSeconds } from './image-store.js';

/** Bytes [start, end) of an answer become others. */
interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly by: readonly Buffer[];
}

/** Brings images to where the caller wants them: into the answer, or to a link of ours, whatever the provider did. */
export class ImageLinks {
  readonly asked: 'b64_json' | 'url' | undefined;

  constructor(
    private readonly source: Pick<AttemptSource, 'call' | 'head' | 'target'>,
    private readonly parts: ImageParts,
  ) {
    const asked = source.head.facts['responseFormat'];
    this.asked = asked === 'url' || asked === 'b64_json' ? asked : undefined;
  }

  /** Links are wanted, and there is somewhere to keep files. */
  get stores(): boolean {
    return this.asked === 'url' && this.parts.store !== undefined && this.source.head.mediaUrl !== undefined;
  }

  /** A link of ours, good for an hour. */
  async linkTo({ bytes, contentType }: MediaBytes): Promise<string> {
    const { store } = this.parts;
    const { mediaUrl, caller } = this.source.head;
    if (!store || mediaUrl === undefined) throw new Error('there is no store');
    const expiresAt = new Date(Date.now() + linkSeconds * 1000);
    const name = await store.put(bytes, { contentType, organizationId: caller.organizationId, expiresAt });
    return store.link(mediaUrl, name, expiresAt);
  }

  /** A provider's answer with its images where they are wanted; untouched where they are. */
  async place(body: Buffer, { images }: ImageAnswer): Promise<Buffer> {
    const replaced: Replacement[] = [];
    for (const image of images) {
      const replacement = await this.replacementOf(body, image);
      if (replacement) replaced.push(replacement);
    }
    return replaced.length === 0 ? body : withReplaced(body, replaced);
  }

  /** The base64 of an image, wherever it is. */
  async base64Of(body: Buffer, { b64, url }: AnsweredImage): Promise<Buffer | string> {
    if (b64) return memberBase64(body, b64);
    const { bytes } = await this.fetch(memberText(body, url as ImageMember));
    return base64(bytes);
  }

  private async replacementOf(body: Buffer, { b64, url }: AnsweredImage): Promise<Replacement | undefined> {
    if (this.asked === 'b64_json' && url && !b64) {
      const { bytes } = await this.fetch(memberText(body, url));
      return { ...url, by: [Buffer.from('"b64_json":"'), base64(bytes), Buffer.from('"')] };
    }
    if (!this.stores) return undefined;
    const member = b64 ?? (url as ImageMember);
    const image = b64 ? decoded(memberBase64(body, b64)) : await this.fetch(memberText(body, member));
    return { ...member, by: [Buffer.from(`"url":${JSON.stringify(await this.linkTo(image))}`)] };
  }

  private async fetch(url: string): Promise<MediaBytes> {
    const { call, target } = this.source;
    return this.parts.remote.result(url, target.upstream.origin, call.signal);
  }
}

function decoded(b64: Buffer): MediaBytes {
  return known(Buffer.from(b64.toString('latin1'), 'base64'));
}

/** A page with an error on it is not passed off as an image. */
function known(bytes: Uint8Array): MediaBytes {
  const contentType = contentTypeOf(bytes);
  if (!contentType?.startsWith('image/')) throw new Error('the provider sent something that is no image');
  return { bytes, contentType };
}

function base64(bytes: Uint8Array): Buffer {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'), 'latin1');
}

function withReplaced(body: Buffer, replaced: readonly Replacement[]): Buffer {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const { start, end, by } of replaced) {
    pieces.push(body.subarray(at, start), ...by);
    at = end;
  }
  return Buffer.concat([...pieces, body.subarray(at)]);
}
