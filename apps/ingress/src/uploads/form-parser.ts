import { setImmediate } from 'node:timers/promises';
import { Dicer } from '@fastify/busboy';
import { badForm } from './form-boundary.js';
import { headBytes, headLines, type PartLines } from './part-header.js';

/** Takes the bytes of one part; may throw a `GatewayError`. */
type TakeBytes = (data: Buffer) => void;

/** Told of each part when its head is there; may throw a `GatewayError`. */
export type TakePart = (lines: PartLines) => TakeBytes;

const maxParts = 64;
/** What may stand before the first boundary: nothing of use, and with a wrong boundary the whole body would. */
const preambleBytes = 64 * 1024;
/** More than one piece of the body: a part that is full would stop the parser. */
const partBufferBytes = 4 * 1024 * 1024;

/**
 * Cuts a form into its parts. Whoever feeds it waits for each piece, so that all of it was handed on before the next:
 * nothing is held here but what the parser needs to find a boundary.
 */
export class FormParser {
  private readonly dicer: Dicer;
  private problem: Error | undefined;
  private finished = false;
  private parts = 0;
  private fed = 0;
  /** The head of the last part did not end yet. */
  private headless = false;

  constructor(
    boundary: string,
    private readonly begin: TakePart,
  ) {
    const limits = { maxHeaderPairs: headLines, maxHeaderSize: headBytes, partHwm: partBufferBytes };
    this.dicer = new Dicer({ boundary, ...limits });
    this.dicer.on('part', (part) => this.takePart(part));
    this.dicer.on('error', (error) => this.fail(error));
    this.dicer.on('finish', () => (this.finished = true));
  }

  /** Rejects with the first problem of the form. */
  async write(chunk: Buffer): Promise<void> {
    // What follows the last boundary has no meaning.
    if (this.finished) return;
    this.fed += chunk.length;
    this.dicer.write(chunk);
    // Parts are streams: some of their events come a tick later.
    await setImmediate();
    if (this.parts === 0 && this.fed > preambleBytes && !this.finished) this.fail(wrongBoundary());
    this.check();
  }

  /** Rejects unless the last boundary was there. */
  async end(): Promise<void> {
    await setImmediate();
    if (!this.finished) this.fail(this.parts === 0 ? wrongBoundary() : unfinished());
    else if (this.headless) this.fail(unfinished());
    this.check();
  }

  private takePart(part: Dicer.PartStream): void {
    // An unfinished part reports its end as an error of its own.
    part.on('error', (error) => this.fail(error));
    if (this.headless) this.fail(badForm('A part of the form has no headers.'));
    this.headless = true;
    if (++this.parts > maxParts) this.fail(badForm(`The form has more than ${maxParts} parts.`));
    let take: TakeBytes | undefined;
    part.on('header', (lines) => {
      this.headless = false;
      take = this.guarded(() => this.begin(lines as PartLines));
    });
    part.on('data', (data) => this.guarded(() => take?.(data as Buffer)));
  }

  /** An error must not be thrown into the parser; after the first one nothing is handed on. */
  private guarded<Result>(work: () => Result): Result | undefined {
    if (this.problem) return undefined;
    try {
      return work();
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  private fail(problem: unknown): void {
    this.problem ??= problem as Error;
  }

  private check(): void {
    if (this.problem) throw this.problem;
  }
}

function wrongBoundary(): Error {
  return badForm('The body does not have the boundary that the Content-Type header names.');
}

function unfinished(): Error {
  return badForm('The form ends before its last boundary. Send all of it, with the closing `--boundary--`.');
}
