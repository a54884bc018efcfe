import { Controller, Get, Head, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { checkMedia, GatewayError, type MediaLink } from '#libs/contracts';
import { Public } from '../auth/public.decorator.js';
import { MEDIA_SECRET } from './media-providers.js';
import { rangeOf } from './media-range.js';
import { type ByteRange, MEDIA_STORE, type MediaFile, type MediaStore } from './media-store.js';

/** What a browser may show; anything else it is to save. */
const shown: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif']);

interface Found {
  readonly file: MediaFile;
  readonly range: ByteRange | undefined;
}

type Words = Readonly<Record<string, unknown>>;

/** `GET /v1/media/…`: files of our own store, for whoever has the link. The link is the key, until it expires. */
@Controller()
export class MediaController {
  constructor(
    @Inject(MEDIA_STORE) private readonly store: MediaStore,
    @Inject(MEDIA_SECRET) private readonly secret: string | null,
  ) {}

  /** Before GET, or Fastify makes a route of its own that says `Content-Length: 0`. */
  @Public()
  @Head('v1/media/*')
  async tell(@Param('*') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.begin(name, request, reply);
    void reply.send();
  }

  /** A wildcard: names begin with a folder. */
  @Public()
  @Get('v1/media/*')
  async send(@Param('*') name: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { file, range } = await this.begin(name, request, reply);
    void reply.send(await file.open(range));
  }

  private async begin(name: string, request: FastifyRequest, reply: FastifyReply): Promise<Found> {
    const now = Math.floor(Date.now() / 1_000);
    const { expires } = this.admit(name, request.query as Words, now);
    const file = await this.store.find(name);
    if (!file) throw new GatewayError('not_found', 'There is no such file. It may have been removed.');
    // Without a version of the file its `If-Range` cannot hold.
    const asked = request.headers['if-range'] === undefined ? request.headers.range : undefined;
    const range = rangeOf(asked, file.bytes);
    if (range === 'unsatisfiable') throw beyond(file.bytes);
    void reply.code(range ? 206 : 200).headers(headersOf(file, range, expires - now));
    return { file, range };
  }

  private admit(name: string, query: Words, now: number): MediaLink {
    const { expires, signature } = query;
    const isWhole = typeof signature === 'string' && typeof expires === 'string' && /^\d{1,12}$/.test(expires);
    if (!isWhole || this.secret === null) throw badLink('is not valid. Use it as it was given, with all of its query');
    const link = { expires: Number(expires), signature };
    const state = checkMedia(name, link, { secret: this.secret, now });
    if (state === 'forged') throw badLink('is not valid. Use it as it was given, with all of its query');
    if (state === 'expired') throw badLink('has expired. Ask for the file again');
    return link;
  }
}

function headersOf(file: MediaFile, range: ByteRange | undefined, restSeconds: number): Record<string, string> {
  const { bytes, contentType } = file;
  return {
    'content-type': contentType,
    'content-length': String(range ? range.last - range.first + 1 : bytes),
    'accept-ranges': 'bytes',
    ...(range && { 'content-range': `bytes ${range.first}-${range.last}/${bytes}` }),
    'cache-control': `private, max-age=${restSeconds}`,
    'content-disposition': shown.has(contentType) ? 'inline' : 'attachment',
    // The store holds what providers made of strangers' words: no browser is to guess its type, or run it.
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; sandbox",
    'referrer-policy': 'no-referrer',
  };
}

function badLink(what: string): GatewayError {
  return new GatewayError('invalid_media_link', `The link ${what}.`);
}

function beyond(bytes: number): GatewayError {
  const headers = { 'content-range': `bytes */${bytes}` };
  return new GatewayError('bad_request', `The file has ${bytes} bytes. Ask for a range within it.`, {
    status: 416,
    headers,
  });
}
