/** Speech of the sandbox: a tone per character, a pause per blank, so that a text has the same length in every format. */
export interface SpeechPlan {
  readonly text: string;
  /** Of the whole; characters × 80 ms, at `speed` 1. */
  readonly seconds: number;
  /** Number of the character that sounds then. */
  characterAt(seconds: number): number;
  /** 0 is silence, 1 to 8 are the tones of a pentatonic scale. */
  toneOf(character: number): number;
}

/** Hertz of the tones, silence first; `make-tone-frames.mjs` rounds the same scale to its frames. */
export const toneHertz: readonly number[] = [0, 262, 294, 330, 392, 440, 523, 587, 659];
/** About as fast as people read aloud: 12.5 characters a second. */
const secondsPerCharacter = 0.08;
const tones = toneHertz.length - 1;

/** How a text is spoken by a voice: voices differ in the tone that a letter has. */
export function planSpeech(text: string, voice: string, speed: number): SpeechPlan {
  const characters = Array.from(text);
  const each = secondsPerCharacter / speed;
  let shift = 0;
  for (const character of voice) shift += character.codePointAt(0) ?? 0;
  return {
    text,
    seconds: characters.length * each,
    characterAt: (seconds) => Math.min(characters.length - 1, Math.max(0, Math.floor(seconds / each))),
    toneOf: (character) => {
      const letter = characters[character] ?? ' ';
      return /[\p{L}\p{N}]/u.test(letter) ? 1 + (((letter.codePointAt(0) ?? 0) + shift) % tones) : 0;
    },
  };
}
