import type { WirePrice } from '#libs/contracts';

/** Whether a price charges tokens of any kind. */
export function isByTokens({ input, input_audio: heard, output, output_audio: spoken }: WirePrice): boolean {
  return (input ?? heard ?? output ?? spoken) !== undefined;
}

/** Tokens of a text, roughly: four bytes each. Says `estimated` wherever it is used. */
export function estimatedTokens(textBytes: number): number {
  return Math.ceil(textBytes / 4);
}
