import { describe, expect, it } from '@jest/globals';
import { cosine, shortened, textVector } from './text-vector.js';

const near = (one: string, other: string, dimensions = 1536): number =>
  cosine(textVector(one, dimensions), textVector(other, dimensions));

/** Each with a text that says about the same, and one that does not. */
const triples = [
  [
    'How do I reset my password?',
    'I forgot my password, how can I reset it?',
    'The train to Berlin leaves at nine in the morning.',
  ],
  ['A cat sits on the mat.', 'The cats were sitting on a mat', 'Interest rates rose again this quarter.'],
  [
    'Invoices are due within thirty days',
    'The invoice must be paid in thirty days',
    'Penguins live on the southern hemisphere',
  ],
  ['Wie wird das Wetter morgen in Hamburg?', 'Wetter in Hamburg morgen', 'Das Rezept braucht zwei Eier und Mehl.'],
  ['東京の天気はどうですか', '東京の天気', '猫が好きです'],
] as const;

describe('textVector', () => {
  it.each(triples)('is nearer to a paraphrase than to another subject: %s', (text, paraphrase, other) => {
    for (const dimensions of [384, 1536, 3072]) {
      expect(near(text, paraphrase, dimensions)).toBeGreaterThan(near(text, other, dimensions) + 0.1);
    }
  });

  it('has length 1 and is the same every time', () => {
    const vector = textVector('Rivers carry water to the sea', 1536);
    expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    expect(textVector('Rivers carry water to the sea', 1536)).toEqual(vector);
  });

  it('keeps what is near in fewer dimensions', () => {
    const [text, paraphrase, other] = triples[0].map((item) => shortened(textVector(item, 3072), 256)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    expect(text.length).toBe(256);
    expect(cosine(text, text)).toBeCloseTo(1, 5);
    expect(cosine(text, paraphrase)).toBeGreaterThan(cosine(text, other));
  });

  it('has a vector of length 1 for signs alone', () => {
    const vector = textVector('?!', 384);
    expect(cosine(vector, vector)).toBeCloseTo(1, 5);
  });
});
