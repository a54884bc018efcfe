/** The parts of a transcript that become events. */
export interface EventedTranscript {
  readonly text: string;
  /** Of speakers; as OpenAI's `transcript.text.segment`. */
  readonly segments: readonly object[];
  /** OpenAI's `usage` of a stream is in tokens only; others are left out. */
  readonly usage: object | undefined;
}

/** A whole transcript as a stream's events: who asked for a stream reads nothing else. */
export function transcriptEvents({ text, segments, usage }: EventedTranscript): Uint8Array {
  const isTokens = usage !== undefined && 'input_tokens' in usage;
  const events = [
    { type: 'transcript.text.delta', delta: text },
    ...segments.map((segment) => ({ ...segment, type: 'transcript.text.segment' })),
    { type: 'transcript.text.done', text, ...(isTokens && { usage }) },
  ];
  return Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
}
