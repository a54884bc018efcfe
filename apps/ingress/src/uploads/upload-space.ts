import { statfs } from 'node:fs/promises';
import { GatewayError } from '#libs/contracts';

/** What uploads in flight may take of the disk. */
export interface SpaceLimits {
  readonly processBytes: number;
  readonly organizationBytes: number;
  /** What stays free on the disk, whatever the limits say. */
  readonly spareBytes: number;
  /** Forms in flight: each has an open file. */
  readonly processForms: number;
  readonly organizationForms: number;
}

const giga = 1024 ** 3;

export const spaceLimits: SpaceLimits = {
  processBytes: 16 * giga,
  organizationBytes: 4 * giga,
  spareBytes: giga,
  processForms: 1_000,
  organizationForms: 200,
};

interface Taken {
  bytes: number;
  forms: number;
}

/** How old a look at the free space of the disk may be. */
const lookMs = 1_000;

/** Counts the temporary space of all forms in flight: of the process, and of each organization. */
export class UploadSpace {
  private readonly whole: Taken = { bytes: 0, forms: 0 };
  private readonly organizations = new Map<string, Taken>();
  private freeBytes = Number.POSITIVE_INFINITY;
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly path: string,
    private readonly limits: SpaceLimits = spaceLimits,
  ) {}

  get takenBytes(): number {
    return this.whole.bytes;
  }

  /** Room for one form of an organization; rejects when it has too many in flight. */
  async open(organizationId: string): Promise<SpaceShare> {
    await this.look();
    const of = this.organizations.get(organizationId) ?? { bytes: 0, forms: 0 };
    if (of.forms >= this.limits.organizationForms || this.whole.forms >= this.limits.processForms) throw noSpace();
    this.organizations.set(organizationId, of);
    of.forms++;
    this.whole.forms++;
    const release = (bytes: number): void => {
      this.count(of, -bytes);
      of.forms--;
      this.whole.forms--;
      if (of.forms === 0) this.organizations.delete(organizationId);
    };
    return new SpaceShare((bytes) => this.take(of, bytes), release);
  }

  /** The disk is others' too. What is written until the next look is counted from this one. */
  private async look(): Promise<void> {
    if (performance.now() - this.lookedAt < lookMs) return;
    this.lookedAt = performance.now();
    const { bavail, bsize } = await statfs(this.path);
    this.freeBytes = bavail * bsize;
  }

  private take(of: Taken, bytes: number): Promise<void> {
    const { processBytes, organizationBytes, spareBytes } = this.limits;
    const fits =
      this.whole.bytes + bytes <= processBytes &&
      of.bytes + bytes <= organizationBytes &&
      this.freeBytes - bytes >= spareBytes;
    if (!fits) return Promise.reject(noSpace());
    this.count(of, bytes);
    this.freeBytes -= bytes;
    return this.look();
  }

  private count(of: Taken, bytes: number): void {
    of.bytes += bytes;
    this.whole.bytes += bytes;
  }
}

/** One form's part of the space. */
export class SpaceShare {
  private bytes = 0;
  private released = false;

  constructor(
    private readonly grant: (bytes: number) => Promise<void>,
    private readonly giveBack: (bytes: number) => void,
  ) {}

  /** Before the bytes are written; rejects when there is no room for them. */
  async take(bytes: number): Promise<void> {
    if (this.released) throw new Error('the upload is over');
    await this.grant(bytes);
    this.bytes += bytes;
  }

  /** For good, once its files are gone; more than once is once. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.giveBack(this.bytes);
  }
}

/** Also for a disk that is full before we counted so. */
export function noSpace(cause?: unknown): GatewayError {
  const message = 'There is no room for more uploads at the moment. Wait for those in flight, then retry.';
  return new GatewayError('upload_space_exhausted', message, { retryAfterSeconds: 5, cause });
}
