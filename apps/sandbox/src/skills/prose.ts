import type { Random } from '../random.js';
import { contentWords, isInstruction } from './sentences.js';

/** What a message is about, in its own words: at most four in a row. */
export function topicOf(text: string): string {
  const words = contentWords(text).filter((word) => !isInstruction(word) && !/^\d+$/.test(word));
  return words.slice(0, 4).join(' ').slice(0, 80) || 'your message';
}

type Template = (topic: string, random: Random) => string;

const adjectives = [
  'patient',
  'careful',
  'small',
  'steady',
  'plain',
  'quiet',
  'honest',
  'curious',
  'modest',
  'well-kept',
  'predictable',
  'sturdy',
] as const;
const nouns = [
  'habits',
  'questions',
  'details',
  'examples',
  'boundaries',
  'measurements',
  'agreements',
  'surprises',
  'decisions',
  'tests',
  'trade-offs',
  'first steps',
] as const;
const verbs = ['rests on', 'begins with', 'grows out of', 'depends on', 'rewards', 'is held together by'] as const;
const places = [
  'In practice',
  'At first sight',
  'Seen from afar',
  'On a good day',
  'Most of the time',
  'In the end',
] as const;
const people = [
  'a beginner',
  'an engineer',
  'a careful reader',
  'a small team',
  'anyone in a hurry',
  'a patient operator',
] as const;

const openers = [
  (topic) => `This is the ModAPI sandbox, a stand-in for a language model, with a few words about ${topic}.`,
  (topic) => `You asked about ${topic}, and the ModAPI sandbox answers: no real model is behind these words.`,
  (topic, random) =>
    `The ModAPI sandbox read your message about ${topic} and wrote this from a ${random.pick(adjectives)} little grammar.`,
  (topic) => `Here is what a sandbox, which has no real model, can say about ${topic}.`,
] as const satisfies readonly Template[];

const middles = [
  (topic, random) =>
    `${random.pick(places)}, ${topic} ${random.pick(verbs)} ${random.pick(adjectives)} ${random.pick(nouns)}.`,
  (topic, random) =>
    `${capital(random.pick(people))} who looks at ${topic} will soon meet ${random.pick(adjectives)} ${random.pick(nouns)}.`,
  (_, random) =>
    `${random.pick(places)}, it helps to keep the ${random.pick(nouns)} ${random.pick(adjectives)} and to write the ${random.pick(nouns)} down.`,
  (topic, random) =>
    `What ${random.pick(people)} expects from ${topic} is rarely more than ${random.pick(adjectives)} ${random.pick(nouns)}.`,
  (_, random) =>
    `There are ${random.integer(2, 9)} ${random.pick(adjectives)} ${random.pick(nouns)} to think of, and only one of them is urgent.`,
  (topic, random) => `Without ${random.pick(adjectives)} ${random.pick(nouns)}, ${topic} would be a matter of luck.`,
  (_, random) =>
    `That is why ${random.pick(people)} starts with the ${random.pick(nouns)} and leaves the ${random.pick(nouns)} for later.`,
] as const satisfies readonly Template[];

const closers = [
  (topic) => `A real model would know more about ${topic}; this one only knows how to be the same each time.`,
  (_, random) =>
    `The rest is ${random.pick(adjectives)} ${random.pick(nouns)}, and the same seed will tell it in the same words.`,
  (_, random) => `Change the seed and ${random.pick(people)} gets another answer; keep it and nothing changes.`,
] as const satisfies readonly Template[];

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const mostWords = 50_000;
const numberWords = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** How long the message wants the answer: "in 200 words", "in one sentence", "three paragraphs". */
function lengthAsked(text: string, unit: string): number | undefined {
  const found = new RegExp(
    `\\b(\\d{1,6}|${numberWords.join('|')}|a)[ -](?:single |short |long )?${unit}s?\\b`,
    'i',
  ).exec(text);
  const amount = found?.[1]?.toLowerCase();
  if (amount === undefined) return undefined;
  if (amount === 'a') return 1;
  const fromWord = numberWords.indexOf(amount);
  return fromWord >= 0 ? fromWord : Number(amount);
}

/** Prose about a message. It says that it is a sandbox, and is as long as the message asks. */
export function proseAbout(text: string, random: Random): string {
  const topic = topicOf(text);
  const words = lengthAsked(text, 'word');
  if (words !== undefined) return proseOfWords(topic, Math.min(words, mostWords), random);
  const sentences = lengthAsked(text, 'sentence');
  if (sentences !== undefined) return paragraph(topic, Math.min(sentences, 500), random);
  const paragraphs = Math.min(lengthAsked(text, 'paragraph') ?? 1, 100);
  const parts = [paragraph(topic, random.integer(4, 6), random)];
  while (parts.length < paragraphs) parts.push(middleSentences(topic, random.integer(3, 5), random).join(' '));
  return parts.join('\n\n');
}

function paragraph(topic: string, sentences: number, random: Random): string {
  const parts = [random.pick(openers)(topic, random)];
  if (sentences > 2) parts.push(...middleSentences(topic, sentences - 2, random));
  if (sentences > 1) parts.push(random.pick(closers)(topic, random));
  return parts.join(' ');
}

function middleSentences(topic: string, amount: number, random: Random): string[] {
  return Array.from({ length: amount }, () => random.pick(middles)(topic, random));
}

function proseOfWords(topic: string, amount: number, random: Random): string {
  const words = random.pick(openers)(topic, random).split(' ');
  while (words.length < amount) words.push(...random.pick(middles)(topic, random).split(' '));
  const cut = words.slice(0, amount).join(' ');
  return /[.]$/.test(cut) || cut === '' ? cut : `${cut.replace(/[,;:]$/, '')}.`;
}
