/** A vector of two numbers that tells its place. */
export function vectorOf(place: number): number[] {
  return [place, 0.5];
}

/** An upstream's answer with these vectors, numbered from 0, as OpenAI prints it. */
export function vectorsAnswer(vectors: readonly (readonly number[])[], rest: object = {}): object {
  const data = vectors.map((embedding, index) => ({ object: 'embedding', index, embedding }));
  return { object: 'list', data, model: 'up-model', usage: { prompt_tokens: 7, total_tokens: 7 }, ...rest };
}

/** Little-endian 32-bit floats. */
export function base64Of(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64');
}
