import { chatCompletions, GatewayError } from '#libs/contracts';
import type { ReplyHead } from '#libs/messaging';
import { errorAnswer, inBandError } from '../http/error-answer.js';
import { AnswerWriter } from './answer-writer.js';
import type { ExchangeParts, RunningRequest } from './exchange-parts.js';
import type { Delivered } from './intake.js';
import { replyHeaders } from './reply-headers.js';
import { SseMeter } from './sse-meter.js';

const eventStream = ['content-type', 'text/event-stream; charset=utf-8', 'cache-control', 'no-cache'];
/** An answer in one piece is gathered up to here, then passed on as it comes. */
const gatheredBytes = 64 * 1024;

/** What the answer asks of the call that it is made from. */
export interface AnswerSource {
  /** The caller took these bytes: as many more may come. */
  grant(bytes: number): void;
  /** The caller takes nothing any more. */
  stalled(): void;
}

/** `events`: server-sent, with comments between; `flow`: bytes as they come, such as audio; `whole`: gathered first. */
type Shape = 'events' | 'flow' | 'whole';

/** The HTTP answer to one request, whichever worker it comes from in the end: the head goes out exactly once. */
export class CallerAnswer {
  private readonly writer: AnswerWriter;
  private readonly meter = new SseMeter();
  private head: ReplyHead | undefined;
  private shape: Shape = 'whole';
  private openedAsEvents = false;
  private gathered: Buffer[] = [];
  private gatheredSize = 0;
  private silent = true;
  private bytes = 0;
  private firstByteAt: number | null = null;

  constructor(
    private readonly parts: ExchangeParts,
    private readonly asked: RunningRequest,
    private readonly source: AnswerSource,
  ) {
    const events = {
      onWritten: (bytes: number) => this.source.grant(bytes),
      onStalled: () => this.source.stalled(),
    };
    this.writer = new AnswerWriter(asked.reply.raw, events, parts.limits.stallMs);
  }

  get delivered(): Delivered {
    return { events: this.meter.events, bytes: this.bytes, firstByteAt: this.firstByteAt };
  }

  /** Another call begins: what was gathered of the last one is void. */
  restart(): void {
    this.head = undefined;
    this.shape = 'whole';
    this.gathered = [];
    this.gatheredSize = 0;
  }

  takeHead(head: ReplyHead): void {
    this.head = head;
    this.shape = shapeOf(head.headers['content-type'] ?? '');
  }

  /** False when the answer does not fit what the caller got already; the call is to be given up. */
  takeData(chunk: Uint8Array): boolean {
    this.silent = false;
    const copy = Buffer.from(chunk); // it is valid during this callback only
    if (this.shape !== 'events' && this.openedAsEvents) return false;
    if (this.shape === 'whole' && !this.writer.committed && this.gather(copy)) return true;
    this.firstByteAt ??= Date.now();
    if (!this.writer.committed) this.commit();
    for (const earlier of this.gathered.splice(0)) this.deliver(earlier);
    this.deliver(copy);
    return true;
  }

  end(): void {
    const { head } = this;
    if (!this.writer.committed) this.endWhole();
    else if (head) this.whenKept(head, () => this.writer.end());
    else this.writer.end();
  }

  /** Says it in the way that is left: with a status, in-band, or by breaking the connection. */
  fail(error: GatewayError): void {
    if (!this.writer.committed) this.refuse(error);
    else if (this.openedAsEvents) this.breakStream(error);
    else this.writer.destroy();
  }

  /** Load balancers cut silent connections. A comment is no content: another worker may still be asked. */
  comment(): void {
    if (this.silent && this.meter.betweenEvents) {
      if (!this.writer.committed) this.openEvents();
      if (this.openedAsEvents) this.writer.write(Buffer.from(': keep-alive\n\n'));
    }
    this.silent = true;
  }

  destroy(): void {
    this.writer.destroy();
  }

  /** False when there is too much of it. */
  private gather(chunk: Buffer): boolean {
    if (this.gatheredSize + chunk.length > gatheredBytes) return false;
    this.gathered.push(chunk);
    this.gatheredSize += chunk.length;
    this.source.grant(chunk.length);
    return true;
  }

  private commit(): void {
    if (this.shape === 'events') this.openEvents();
    else this.writer.commit(this.head?.status ?? 200, this.headers());
  }

  private openEvents(): void {
    this.openedAsEvents = true;
    this.writer.commit(this.head?.status ?? 200, [...eventStream, ...this.headers('content-type')]);
  }

  private deliver(chunk: Buffer): void {
    if (this.shape === 'events') this.meter.see(chunk);
    else this.bytes += chunk.length;
    this.asked.recorder?.take(chunk);
    this.writer.write(chunk);
  }

  /** The worker's headers and ours, names and values in turn. */
  private headers(without?: string): string[] {
    const own = this.parts.answerHeaders.of(this.asked.request);
    return this.head ? [...replyHeaders(this.head.headers, without), ...own] : own;
  }

  private endWhole(): void {
    const { head } = this;
    if (!head) {
      this.refuse(new GatewayError('internal_error', 'The gateway got no answer from its worker. Retry the request.'));
      return;
    }
    const [only] = this.gathered;
    const body = only && this.gathered.length === 1 ? only : Buffer.concat(this.gathered, this.gatheredSize);
    this.asked.recorder?.take(body);
    this.whenKept(head, () => this.writer.whole(head.status, this.headers(), body));
  }

  private refuse(error: GatewayError): void {
    const { status, headers, body } = errorAnswer(error);
    const bytes = Buffer.from(body);
    this.asked.recorder?.take(bytes);
    this.whenKept({ status, headers }, () => {
      const list = Object.entries(headers).flat();
      this.writer.whole(status, [...list, ...this.parts.answerHeaders.of(this.asked.request)], bytes);
    });
  }

  /** With an Idempotency-Key the caller has its whole answer only once a repetition would get it too. */
  private whenKept({ status, headers }: ReplyHead, send: () => void): void {
    const { recorder } = this.asked;
    if (!recorder) {
      send();
      return;
    }
    void recorder.keep(status, headers).then(send); // never rejects
  }

  private breakStream(error: GatewayError): void {
    const gap = this.meter.betweenEvents ? '' : '\n\n';
    const { request, endpoint } = this.asked;
    this.writer.write(Buffer.from(gap + inBandError(error, request.record.id, namesEvents(endpoint.id))));
    this.writer.end();
  }
}

function shapeOf(contentType: string): Shape {
  if (contentType.startsWith('text/event-stream')) return 'events';
  return /^(?:audio|video|image)\/|^application\/octet-stream/.test(contentType) ? 'flow' : 'whole';
}

/** Chat's events have no names; those of images and audio do (`image_generation.completed`), and no `[DONE]` follows. */
export function namesEvents(endpoint: string): boolean {
  return endpoint !== chatCompletions.id;
}
