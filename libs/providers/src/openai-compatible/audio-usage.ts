import type { Usage } from '#libs/contracts';

/** More tokens or seconds than any call can have; a provider that says so is not believed. */
const most = 1_000_000_000;

/** Seconds of audio as they are charged: whole, and at least one. */
export function wholeSeconds(seconds: unknown): number | undefined {
  if (typeof seconds !== 'number' || !Number.isFinite(seconds) || seconds < 0 || seconds > most) return undefined;
  return Math.max(1, Math.ceil(seconds));
}

/** Seconds that a transcript reports: `usage.seconds`, Mistral's `prompt_audio_seconds`, or the `duration` of verbose_json. */
export function reportedSeconds(answer: Readonly<Record<string, unknown>>): number | undefined {
  const usage = recordOf(answer['usage']);
  return wholeSeconds(usage['seconds'] ?? usage['prompt_audio_seconds'] ?? answer['duration']);
}

/**
 * Tokens of `usage` of speech and transcripts: `input_tokens`, `output_tokens` and their details. Where the kind of the
 * input is not told, it is what an endpoint's input is: text of speech, audio of a transcript.
 */
export function audioTokens(reported: unknown, endpoint: 'speech' | 'transcript'): Usage | undefined {
  const usage = recordOf(reported);
  const input = tokens(usage['input_tokens']);
  const output = tokens(usage['output_tokens']);
  if (input === undefined || output === undefined || input + output === 0) return undefined;
  if (endpoint === 'speech') return { input, output_audio: output };
  const details = recordOf(usage['input_token_details']);
  const text = Math.min(tokens(details['text_tokens']) ?? 0, input);
  return { ...(text > 0 && { input: text }), input_audio: input - text, output };
}

function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
