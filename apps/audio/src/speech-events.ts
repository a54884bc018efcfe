import type { Usage } from '#libs/contracts';

const deltaBytes = 32 * 1024;

/** Audio as OpenAI's events. */
export function deltaEvents(audio: Uint8Array): string {
  let events = '';
  for (let start = 0; start < audio.length; start += deltaBytes) {
    const piece = Buffer.from(audio.subarray(start, start + deltaBytes));
    events += eventOf({ type: 'speech.audio.delta', audio: piece.toString('base64') });
  }
  return events;
}

/** The last event. */
export function doneEvent(usage: Usage): string {
  return eventOf({ type: 'speech.audio.done', usage: openAiUsage(usage) });
}

/** In tokens, whatever is charged. */
export function openAiUsage({ input = 0, output = 0, output_audio: spoken = 0 }: Usage) {
  return { input_tokens: input, output_tokens: output + spoken, total_tokens: input + output + spoken };
}

function eventOf(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}
