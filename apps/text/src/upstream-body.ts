import {
  type ChatAnswer,
  type FailureContext,
  failureOfAnswer,
  failureOfErrorObject,
  failureOfGarbage,
  headerText,
  readChatAnswer,
  type UpstreamFailure,
  type UpstreamHeaders,
} from '#libs/providers';

/** An audio answer is the largest there is. */
const maxAnswerBytes = 50 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;
/** What may follow `[DONE]` on a connection that is to be used again. */
const maxTrailingBytes = 64 * 1024;

export interface WholeAnswer {
  /** Null: none came. */
  readonly status: number | null;
  readonly headers: UpstreamHeaders;
  /** A stream was asked for, so no whole answer can be right. */
  readonly stream: boolean;
}

/** An answer that is no stream, or an error: gathered, then read as one. */
export class UpstreamBody {
  private parts: Buffer[] = [];
  private bytes = 0;
  private trailingBytes = 0;

  /** False when it is more than an answer, or an error, can be. */
  add(chunk: Buffer, isError: boolean): boolean {
    this.bytes += chunk.length;
    if (this.bytes > (isError ? maxErrorBytes : maxAnswerBytes)) return false;
    this.parts.push(chunk);
    return true;
  }

  /** Of an answer that is over; false when they are too many. */
  addTrailing(chunk: Buffer): boolean {
    this.trailingBytes += chunk.length;
    return this.trailingBytes <= maxTrailingBytes;
  }

  read(whole: WholeAnswer, context: FailureContext): ChatAnswer | UpstreamFailure {
    const body = this.parts.length === 1 ? (this.parts[0] as Buffer) : Buffer.concat(this.parts);
    this.parts = [];
    const { status, headers } = whole;
    if (!isOk(status)) return failureOfAnswer({ status: status ?? 0, headers, body }, context);
    const answer = readChatAnswer(body, context.model);
    if (answer.kind === 'error') return failureOfErrorObject(answer.error, context);
    return answer.kind === 'garbled' || whole.stream ? failureOfGarbage(context) : answer;
  }
}

export function isOk(status: number | null): boolean {
  return status !== null && status >= 200 && status < 300;
}

/** JSON and HTML are no event stream; what calls itself nothing may be one, and its first event will tell. */
export function mayBeEvents(headers: UpstreamHeaders): boolean {
  return !/^(?:application\/(?:[\w.+-]*\+)?json|text\/html)\b/i.test(headerText(headers, 'content-type') ?? '');
}

/** We asked for plain bytes; unpacking a stranger's archive is how memory is filled. */
export function isPacked(headers: UpstreamHeaders): boolean {
  const encoding = headerText(headers, 'content-encoding');
  return encoding !== undefined && encoding !== 'identity';
}
