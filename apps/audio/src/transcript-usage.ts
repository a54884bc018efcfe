import type { Usage, WirePrice } from '#libs/contracts';
import type { MeteredUsage } from '#libs/inference';
import { audioTokens, reportedSeconds } from '#libs/providers';
import { estimatedTokens, isByTokens } from './token-prices.js';
import type { TranscriptAsk } from './transcript-ask.js';

/** What is charged for audio whose length nobody could tell: as if it were speech at 64 kbit/s. */
const unmeasuredBytesPerSecond = 8_000;
/** No audio is longer than at 8 kbit/s. The length in its header is the caller's own word, and may be too short. */
const fewestBytesPerSecond = 1_000;
/** As OpenAI counts audio that is heard: one for 100 milliseconds. */
const tokensPerSecond = 10;
/** Of audio that is heard, as of words that are made of it: more cannot be true. */
const mostTokensPerSecond = 100;
/** What a provider may put around the prompt and the words. */
const mostTokensAround = 1_000;

/** Some vendors bill short audio as if it were longer. */
const leastBilledSeconds = 60;

/** What is known of a transcript when it is metered. */
export interface MadeTranscript {
  readonly textBytes: number;
  /** Reported, and believed. */
  readonly seconds?: number | undefined;
  /** Reported, and believed. */
  readonly tokens?: Usage | undefined;
}

/** What an answer reports. */
export interface ReportedTranscript {
  readonly made: MadeTranscript;
  /** All that is known, if what the price charges is among what was reported; else undefined. */
  readonly usage: Usage | undefined;
  /** More seconds than a file of its size has, or more tokens than can be made of it. */
  readonly usageDisbelieved: boolean;
}

/** Reads the `usage` of an answer or of the last event. */
export function reportedTranscript(
  answer: Readonly<Record<string, unknown>>,
  textBytes: number,
  price: WirePrice,
  ask: TranscriptAsk,
): ReportedTranscript {
  const tokens = audioTokens(answer['usage'], 'transcript');
  const seconds = reportedSeconds(answer);
  const made: MadeTranscript = {
    textBytes,
    seconds: seconds !== undefined && seconds <= mostSeconds(ask) ? seconds : undefined,
    tokens: tokens && canBeHeard(tokens, textBytes, ask) ? tokens : undefined,
  };
  const usageDisbelieved = made.seconds !== seconds || made.tokens !== tokens;
  return { made, usage: covers(made, price) ? knownUsage(made, ask) : undefined, usageDisbelieved };
}

/** A transcript in every way that a price may count it, where what the price charges was not reported. */
export function meteredTranscript(made: MadeTranscript, ask: TranscriptAsk, price: WirePrice): MeteredUsage {
  const usage = knownUsage(made, ask);
  const seconds = usage.seconds ?? estimatedSeconds(ask);
  const isEstimated = usage.seconds === undefined && price.seconds !== undefined;
  if (isEstimated) usage.seconds = seconds;
  if (!isByTokens(price) || made.tokens) return { usage, source: isEstimated ? 'estimated' : 'counted' };
  const tokens = { input_audio: seconds * tokensPerSecond, output: estimatedTokens(made.textBytes) };
  return { usage: { ...usage, ...tokens }, source: 'estimated' };
}

/** Whether a report of tokens can be true of this audio, its prompt and its text. */
export function canBeHeard(usage: Usage, textBytes: number, ask: TranscriptAsk): boolean {
  const { input = 0, input_audio: heard = 0, output = 0 } = usage;
  const most = mostSeconds(ask) * mostTokensPerSecond + mostTokensAround;
  const promptBytes = ask.form.fields.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  return input + heard <= most + promptBytes && output <= most + textBytes;
}

/** As measured, where nobody reported the length. */
export function knownUsage({ seconds, tokens }: MadeTranscript, ask: TranscriptAsk): Usage {
  const length = seconds ?? ask.seconds;
  return { ...tokens, ...(length !== undefined && { seconds: length }) };
}

function covers({ seconds, tokens }: MadeTranscript, price: WirePrice): boolean {
  const isBySeconds = price.seconds !== undefined;
  if (isBySeconds && seconds === undefined) return false;
  return isByTokens(price) ? tokens !== undefined : isBySeconds;
}

function mostSeconds(ask: TranscriptAsk): number {
  return Math.max(leastBilledSeconds, ask.seconds ?? 0, Math.ceil(bytesOf(ask) / fewestBytesPerSecond));
}

function estimatedSeconds(ask: TranscriptAsk): number {
  return Math.max(1, Math.ceil(bytesOf(ask) / unmeasuredBytesPerSecond));
}

function bytesOf({ form }: TranscriptAsk): number {
  return form.files.reduce((sum, file) => sum + file.bytes, 0);
}
