/** Content parts that are no text; what they weigh does not show in their bytes. */
const mediaTypes: ReadonlySet<unknown> = new Set(['image_url', 'input_audio', 'file', 'video_url']);

/** What of a prompt is no text. */
export interface PromptMedia {
  /** Images, files and videos. */
  readonly parts: number;
  /** Characters of the body that are their content, and that of sounds. */
  readonly characters: number;
  /** Tokens of the sounds in the body at most. */
  readonly soundTokens: number;
  /** Earlier answers that were spoken, and are named by their ids. */
  readonly spokenAnswers: number;
}

/** The most that models make of a second; OpenAI makes 10. */
const mostTokensPerSecond = 32;
/** Bytes of a second at least: ADPCM of telephones in a WAV file, speech at 8 kbit/s in others. */
const leastBytesPerSecond = { wav: 4_000, other: 1_000 };
/** Of a sound that is a link: an hour. */
const linkedSeconds = 3_600;
/** Models pad what is shorter. */
const fewestSoundTokens = 256;

/** The media of checked messages. */
export function promptMedia(messages: unknown): PromptMedia {
  const media = { parts: 0, characters: 0, soundTokens: 0, spokenAnswers: 0 };
  for (const { content, audio } of messages as { content?: unknown; audio?: unknown }[]) {
    if (typeof audio === 'object' && audio !== null) media.spokenAnswers++;
    if (!Array.isArray(content)) continue;
    for (const part of content as { type: unknown; input_audio?: unknown }[]) {
      if (!mediaTypes.has(part.type)) continue;
      media.characters += charactersOf(part);
      if (part.type === 'input_audio') media.soundTokens += soundTokensOf(part.input_audio);
      else media.parts++;
    }
  }
  return media;
}

function soundTokensOf(sound: unknown): number {
  const { data, format } = (typeof sound === 'object' && sound !== null ? sound : {}) as Record<string, unknown>;
  const text = typeof data === 'string' ? data : '';
  const rate = format === 'wav' ? leastBytesPerSecond.wav : leastBytesPerSecond.other;
  // Base64 has no colon, and a data URL is bytes.
  const isLink = /^(?!data:)[a-z][\w+.-]{0,31}:/i.test(text);
  const seconds = isLink ? linkedSeconds : (text.length * 3) / 4 / rate;
  return Math.max(fewestSoundTokens, Math.ceil(seconds * mostTokensPerSecond));
}

function charactersOf(root: object): number {
  const pending: unknown[] = [root];
  let characters = 0;
  while (pending.length > 0) {
    const node = pending.pop();
    if (typeof node === 'string') characters += node.length;
    else if (typeof node === 'object' && node !== null) for (const child of Object.values(node)) pending.push(child);
  }
  return characters;
}
