import { GatewayError } from '#libs/contracts';

const megabyte = 1024 * 1024;

/** Memory of this process for images that callers sent and that a vendor wants whole. */
export class MediaMemory {
  private used = 0;

  constructor(private readonly limit = 256 * megabyte) {}

  get usedBytes(): number {
    return this.used;
  }

  /** What gives it back; throws when too much is in use already. */
  take(bytes: number): () => void {
    if (bytes > this.limit) {
      const message = `These images are larger than ${this.limit / megabyte} MB together. Send fewer or smaller ones.`;
      throw new GatewayError('request_too_large', message);
    }
    if (this.used + bytes > this.limit) {
      const message = 'Too many images are being edited at the moment. Retry in a few seconds.';
      throw new GatewayError('overloaded', message, { retryAfterSeconds: 2 });
    }
    this.used += bytes;
    let taken = bytes;
    return () => {
      this.used -= taken;
      taken = 0;
    };
  }
}
