import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { mediaUrlOf, signMedia } from '#libs/contracts';
import type { BlobStore } from '#libs/blobs';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { ImageStore, StoredImage } from './image-store.js';

/** Nest injection token of the `BlobStore`; null: this gateway keeps no files. */
export const BLOB_STORE = Symbol.for('modapi.image.blob-store');
/** Nest injection token of the secret that links are signed with. */
export const MEDIA_SECRET = Symbol.for('modapi.image.media-secret');

/** Files are swept by the hour; looking more often is cheap where there is nothing. */
const sweepMs = 10 * 60_000;

/** Images of callers in the gateway's own store, for as long as their links are good; then they are swept away. */
@Injectable()
export class KeptImages implements ImageStore, OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(BLOB_STORE) private readonly blobs: BlobStore | null,
    @Inject(MEDIA_SECRET) private readonly secret: string | null,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** False: nothing can be kept, so links are the provider's or none. */
  get isThere(): boolean {
    return this.blobs !== null && this.secret !== null;
  }

  async put(bytes: Uint8Array, image: StoredImage): Promise<string> {
    if (!this.blobs) throw new Error('there is no store of files');
    return this.blobs.put(bytes, image);
  }

  link(mediaUrl: string, name: string, expiresAt: Date): string {
    if (this.secret === null) throw new Error('there is no secret to sign links with');
    return mediaUrlOf(mediaUrl, name, signMedia(name, Math.floor(expiresAt.getTime() / 1000), this.secret));
  }

  onApplicationBootstrap(): void {
    if (!this.blobs) return;
    void this.sweep(this.blobs);
    this.timer = setInterval(() => this.blobs && void this.sweep(this.blobs), sweepMs);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.blobs?.close();
  }

  /** A store that is away is no reason to stop drawing: the next sweep finds the rest. */
  private async sweep(blobs: BlobStore): Promise<void> {
    try {
      await blobs.sweep();
    } catch (error) {
      this.logger.warn({ error: error as Error }, 'expired files could not be swept');
    }
  }
}
