/**
 * Vectors under which similar texts are near. A text is a bag of its words and of the three-letter pieces of its words;
 * each of these features adds, in every dimension, +w or -w, the sign being drawn from a generator seeded with the hash
 * of the feature. So two texts share as much of their direction as they share features: the cosine of two vectors
 * estimates the cosine of the two bags, within 1/sqrt(dimensions). Nothing is learned: synonyms are strangers.
 */
export function textVector(text: string, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions);
  for (const [feature, weight] of featuresOf(text)) addFeature(sums, feature, weight);
  return normalised(sums);
}

/** The first dimensions of a vector, made to length 1 again. */
export function shortened(vector: Float32Array, dimensions: number): Float32Array {
  return dimensions === vector.length ? vector : normalised(vector.subarray(0, dimensions));
}

/** Of two vectors of length 1. */
export function cosine(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < one.length; index++) sum += (one[index] ?? 0) * (other[index] ?? 0);
  return sum;
}

const pieceLength = 3;
const pieceWeight = 0.35;
/** A word that is as short as `the` says little; there is no table of frequencies here. */
const shortWordWeight = 0.25;

function featuresOf(text: string): Map<string, number> {
  const features = new Map<string, number>();
  const add = (feature: string, weight: number): void => {
    features.set(feature, (features.get(feature) ?? 0) + weight);
  };
  const words =
    text
      .normalize('NFKC')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  // Of signs alone, the text itself is the feature.
  if (words.length === 0) add(text, 1);
  for (const word of words) {
    const weight = word.length <= pieceLength ? shortWordWeight : 1;
    add(word, weight);
    const padded = ` ${word} `;
    for (let start = 0; start + pieceLength <= padded.length; start++) {
      add(`~${padded.slice(start, start + pieceLength)}`, weight * pieceWeight);
    }
  }
  // A word that comes ten times counts for about three.
  for (const [feature, weight] of features) features.set(feature, Math.sqrt(weight));
  return features;
}

function addFeature(sums: Float64Array, feature: string, weight: number): void {
  let state = hashOf(feature) || 1;
  for (let start = 0; start < sums.length; start += 32) {
    // Xorshift32: 32 signs a step.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const end = Math.min(start + 32, sums.length);
    for (let index = start, bits = state; index < end; index++, bits >>= 1) {
      sums[index] = (sums[index] ?? 0) + ((bits & 1) === 1 ? weight : -weight);
    }
  }
}

/** FNV-1a, 32 bits, and a last stir: xorshift does not part seeds that are near. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function normalised(values: Float64Array | Float32Array): Float32Array {
  let squares = 0;
  for (const value of values) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  return Float32Array.from(values, (value) => value / length);
}
