import type { ChatMessage } from '../chat-message.js';
import { contentWords, sentencesOf, stemOf } from './sentences.js';

interface Fact {
  /** `favourite colour` of "my favourite colour is teal". */
  readonly subject: string | undefined;
  readonly value: string;
  /** `Your` or `The`. */
  readonly owner: string;
  /** Stems by which a question finds it. */
  readonly stems: ReadonlySet<string>;
}

const questionStart =
  /^(?:what|who|which|where|when|how|do you|tell me|remind me|repeat|can you|could you|please tell)\b/i;
const aboutTelling = new Set([
  'remember',
  'recall',
  'know',
  'told',
  'said',
  'say',
  'mention',
  'mentioned',
  'again',
  'remind',
]);
const mostSentences = 2_000;

/** Answers a question about what was told before in the conversation, or undefined. */
export function recall(messages: readonly ChatMessage[]): string | undefined {
  const told: string[] = [];
  for (const message of messages) {
    if (message.role === 'user' || message.role === 'system' || message.role === 'developer') {
      told.push(...sentencesOf(message.text));
    }
  }
  const question = told.pop();
  if (question === undefined || !(question.includes('?') || questionStart.test(question))) return undefined;
  const sentences = told.slice(-mostSentences).filter((sentence) => !sentence.includes('?'));
  return (
    answerName(question, sentences) ??
    answerFact(question, sentences) ??
    answerNumber(question, sentences) ??
    quoteBefore(question, messages)
  );
}

function answerName(question: string, sentences: readonly string[]): string | undefined {
  if (!/\bmy name\b|\bwho am i\b|\bcall(?:ed)? me\b|\bam i called\b/i.test(question)) return undefined;
  const name = nameIn(sentences);
  return name === undefined ? 'You have not told me your name in this conversation.' : `Your name is ${name}.`;
}

const nameLead =
  /\b(?:my name is|my name's|call me|i am called|i'm called|user's name is|user is called|name:)\s+(.+)$/i;
// Case counts here: "I'm Ada" is a name, "I'm tired" is not.
const bareName = /\bI(?:'m| am) (\p{Lu}\p{L}+(?: \p{Lu}\p{L}+)?)/u;
const leadingName = /^["“']?([\p{L}][\p{L}'’.-]*(?: \p{Lu}[\p{L}'’-]*){0,3})/u;

function nameIn(sentences: readonly string[]): string | undefined {
  for (const sentence of sentences.toReversed()) {
    const after = nameLead.exec(sentence.slice(0, 500))?.[1];
    const name = after === undefined ? bareName.exec(sentence)?.[1] : leadingName.exec(after)?.[1];
    if (name !== undefined) return name.replace(/[.'’]+$/, '');
  }
  return undefined;
}

function answerFact(question: string, sentences: readonly string[]): string | undefined {
  const asked = stemsOf(question);
  const firstPerson = /\b(?:i|my|me|we|our)\b/i.test(question);
  let best: { fact: Fact; score: number } | undefined;
  for (const sentence of sentences) {
    for (const fact of factsIn(sentence)) {
      const hits = [...asked].filter((stem) => fact.stems.has(stem)).length;
      const enough = firstPerson ? hits > 0 : fact.subject !== undefined && hits * 2 >= fact.stems.size && hits > 0;
      // A subject that is asked for outweighs a passing mention; of two equals the later one holds.
      const score = hits + (fact.subject === undefined ? 0 : 0.5);
      if (enough && score >= (best?.score ?? 0)) best = { fact, score };
    }
  }
  if (best === undefined) return undefined;
  const { subject, value, owner } = best.fact;
  return subject === undefined ? `You told me: "${value}"` : `${owner} ${subject} is ${value}.`;
}

const subjectIs =
  /\b(my|our|the) ([\p{L}\d][\p{L}\d'’ -]{0,60}?) (?:is|are|was|were|=|will be) (?:called |named )?(.{1,200})$/iu;
const toldStatement =
  /\b(?:remember|note|i (?:have|live|work|like|love|own|was|study|play|speak|drive|prefer|need))\b/i;

function factsIn(sentence: string): Fact[] {
  const text = sentence.slice(0, 500);
  const [, owner, subject, rest] = subjectIs.exec(text) ?? [];
  if (owner !== undefined && subject !== undefined && rest !== undefined) {
    const value = /^(.*?)(?:[.;!?]+$|[;!?]|,\s|\.\s)/.exec(`${rest}.`)?.[1]?.replace(/[.]+$/, '') ?? rest;
    return [{ subject, value, owner: owner.toLowerCase() === 'the' ? 'The' : 'Your', stems: stemsOf(subject) }];
  }
  if (!toldStatement.test(text)) return [];
  return [{ subject: undefined, value: text, owner: 'Your', stems: stemsOf(text) }];
}

function stemsOf(text: string): Set<string> {
  return new Set(
    contentWords(text)
      .map(stemOf)
      .filter((stem) => !aboutTelling.has(stem)),
  );
}

function answerNumber(question: string, sentences: readonly string[]): string | undefined {
  if (!/\b(?:number|code|figure|pin)\b/i.test(question) || !/\b(?:i|me|my|remember|we)\b/i.test(question))
    return undefined;
  for (const sentence of sentences.toReversed()) {
    const numbers = sentence.match(/-?\d+(?:[.,:]\d+)*/g);
    const last = numbers?.at(-1);
    if (last !== undefined) return `The number you told me is ${last}.`;
  }
  return undefined;
}

function quoteBefore(question: string, messages: readonly ChatMessage[]): string | undefined {
  if (!/\bdid i (?:say|ask|tell|write)\b|\bmy (?:first|last|previous) (?:message|question)\b/i.test(question))
    return undefined;
  const earlier = messages.filter((message) => message.role === 'user').slice(0, -1);
  const quoted = /\bfirst\b/i.test(question) ? earlier[0] : earlier.at(-1);
  return quoted === undefined
    ? 'This is the first message of our conversation.'
    : `You said: "${quoted.text.slice(0, 500)}"`;
}
