import type { Usage } from '#libs/contracts';
import { AnswerFacts } from './answer-facts.js';
import { DeliveredText } from './delivered-text.js';
import { valueAt } from './json-scan.js';
import { hasOutput, usageOf } from './usage.js';

/** A whole chat completion, ready for the caller. */
export interface ChatAnswer {
  readonly kind: 'answer';
  /** The upstream's bytes with `model` replaced. */
  readonly body: Uint8Array;
  readonly usage: Usage | undefined;
  readonly usageDisbelieved: boolean;
  readonly finishReason: string;
  readonly upstreamModel: string | undefined;
  /** Read only when the provider reported no usage. */
  readonly deliveredText: () => DeliveredText;
}

/** Status 200, and yet no answer: an error object, or no chat completion at all. */
export type NoAnswer = { readonly kind: 'error'; readonly error: unknown } | { readonly kind: 'garbled' };

/** Reads a body that came with status 200. */
export function readChatAnswer(bytes: Buffer, model: string): ChatAnswer | NoAnswer {
  const facts = new AnswerFacts();
  if (!facts.read(bytes, 0, bytes.length)) return { kind: 'garbled' };
  if (facts.errorStart >= 0) return { kind: 'error', error: valueAt(bytes, facts.errorStart, bytes.length) };
  if (!facts.hasChoices) return { kind: 'garbled' };
  const reported = facts.usageStart < 0 ? undefined : valueAt(bytes, facts.usageStart, bytes.length);
  const believable = usageOf(reported);
  const usage = believable && (hasOutput(believable) || !facts.hasText) ? believable : undefined;
  return {
    kind: 'answer',
    body: withModel(bytes, facts, model),
    usage,
    usageDisbelieved: reported !== undefined && usage === undefined,
    finishReason: facts.finishReason,
    upstreamModel: modelOf(bytes, facts),
    deliveredText: () => {
      const text = new DeliveredText();
      new AnswerFacts(text).read(bytes, 0, bytes.length);
      return text;
    },
  };
}

function withModel(bytes: Buffer, { modelStart, modelEnd }: AnswerFacts, model: string): Uint8Array {
  if (modelStart < 0) return bytes;
  const value = Buffer.from(JSON.stringify(model));
  if (value.equals(bytes.subarray(modelStart, modelEnd))) return bytes;
  return Buffer.concat([bytes.subarray(0, modelStart), value, bytes.subarray(modelEnd)]);
}

function modelOf(bytes: Buffer, { modelStart, modelEnd }: AnswerFacts): string | undefined {
  if (modelStart < 0) return undefined;
  return (JSON.parse(bytes.toString('utf8', modelStart, modelEnd)) as string).slice(0, 256) || undefined;
}
