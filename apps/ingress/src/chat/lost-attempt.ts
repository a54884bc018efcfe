import {
  type AttemptFinished,
  type AttemptStarted,
  attemptStarted,
  type InferenceCallHead,
  priceSchema,
} from '#libs/contracts';

/** What the caller got of a broken answer. */
export interface Delivered {
  /** Of a stream; a delta each, which is about a token. */
  readonly events: number;
  /** Of an answer in one piece. */
  readonly bytes: number;
  readonly firstByteAt: number | null;
}

/** What was seen of an attempt whose worker vanished. */
export interface LostAttempt {
  readonly head: InferenceCallHead;
  readonly body: Buffer;
  /** As the worker noted it before it began. */
  readonly note: AttemptStarted;
  readonly delivered: Delivered;
  readonly contextTokens: number | null;
  readonly traceId: string | null;
}

const bytesPerToken = 4;

/** A note as it came over the bus, or undefined when it is none. */
export function readNote(note: unknown): AttemptStarted | undefined {
  return attemptStarted.safeParse(note).data;
}

/** The usage event of an attempt that only ingress can still account for. */
export function attemptLost(lost: LostAttempt): AttemptFinished {
  const { head, note } = lost;
  const delivered = hasContent(lost.delivered);
  return {
    v: 1,
    type: 'attempt.finished',
    attempt_id: note.attemptId,
    request_id: head.requestId,
    organization_id: head.caller.organizationId,
    project_id: head.caller.projectId,
    key_id: head.caller.keyId,
    witness: 'ingress',
    endpoint: head.endpoint,
    model: head.model,
    provider: note.provider,
    upstream_model: note.upstreamModel,
    upstream_request_id: null,
    upstream_status: null,
    outcome: 'worker_lost',
    content_delivered: delivered,
    usage_source: delivered ? 'estimated' : 'none',
    usage: delivered ? estimate(lost) : {},
    price: priceSchema.safeParse(note.price).data ?? {},
    held: head.hold !== null,
    started_at: note.startedAt,
    first_byte_at: lost.delivered.firstByteAt,
    finished_at: Date.now(),
    trace_id: lost.traceId,
  };
}

/** Something of the answer reached the caller, and is charged. */
export function hasContent({ events, bytes }: Delivered): boolean {
  return events > 0 || bytes > 0;
}

function estimate(lost: LostAttempt): AttemptFinished['usage'] {
  const prompt = Math.ceil(promptCharacters(lost.body) / bytesPerToken);
  const input = Math.min(prompt, lost.contextTokens ?? prompt);
  const output = lost.delivered.events || Math.ceil(lost.delivered.bytes / bytesPerToken);
  return { input, output };
}

/** Inline images and audio count nothing: their base64 says nothing of their tokens. */
function promptCharacters(body: Buffer): number {
  const { messages, tools } = JSON.parse(body.toString()) as Record<string, unknown>;
  const pending: unknown[] = [messages, tools];
  let characters = 0;
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node === 'string') characters += isInlineMedia(node) ? 0 : node.length;
    else if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) pending.push(child);
  }
  return characters;
}

function isInlineMedia(text: string): boolean {
  return text.startsWith('data:') || (text.length > 1_024 && /^[\w+/=-]+$/.test(text));
}
