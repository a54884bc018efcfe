import type { ChatMessage } from './chat-message.js';
import type { ChatRequest } from './chat-request.js';
import { describeMedia, inspectMedia } from './media-info.js';
import { hashOf, Random } from './random.js';
import { jsonObjectAbout } from './schema/free-object.js';
import { exampleOf } from './schema/example.js';
import { TextHints } from './schema/text-hints.js';
import { recall } from './skills/memory.js';
import { proseAbout } from './skills/prose.js';
import { calculate, count, echo } from './skills/simple-tasks.js';
import { type PlannedCall, planCalls } from './tool-plan.js';

/** What the model would say if there were no limits. */
export type Draft = { readonly text: string } | { readonly calls: readonly PlannedCall[] };

interface Turn {
  readonly chat: ChatRequest;
  /** Of the last user message; bounded, so that no skill meets a huge text. */
  readonly text: string;
  readonly random: Random;
}

// Enough for any instruction; a prompt of megabytes is read, counted, and answered by its beginning.
const longestInstruction = 20_000;

/** Decides what to say as choice `index`: the same request, seed and index always give the same draft. */
export function draftAnswer(chat: ChatRequest, index: number): Draft {
  const asked = chat.messages.findLast((message) => message.role === 'user');
  const text = (asked?.text ?? '').slice(0, longestInstruction);
  const turn: Turn = { chat, text, random: new Random(hashOf(chat.seed, index, chat.messages.length, text)) };
  const calls = planCalls(chat, text, turn.random);
  if (calls.length > 0) return { calls };
  if (chat.format.type === 'text') return { text: prose(turn) };
  const hints = new TextHints(text);
  const value =
    chat.format.type === 'json_schema'
      ? exampleOf(chat.format.schema, turn.random, hints)
      : jsonObjectAbout(text, turn.random, hints);
  return { text: JSON.stringify(value) };
}

type Skill = (turn: Turn) => string | undefined;

/** In order: the first that has an answer gives it. */
const skills: readonly Skill[] = [
  quoteToolResult,
  describeParts,
  ({ text }) => echo(text),
  ({ chat }) => recall(chat.messages),
  ({ text }) => calculate(text),
  ({ text }) => count(text),
];

function prose(turn: Turn): string {
  for (const skill of skills) {
    const answer = skill(turn);
    if (answer !== undefined) return answer;
  }
  return proseAbout(turn.text, turn.random);
}

const longestQuote = 2_000;

/** After tool messages: their results, quoted. */
function quoteToolResult({ chat, random }: Turn): string | undefined {
  const isResult = (message: ChatMessage): boolean => message.role === 'tool' || message.role === 'function';
  const lastOther = chat.messages.findLastIndex((message) => !isResult(message));
  const results = chat.messages.slice(lastOther + 1);
  if (results.length === 0) return undefined;
  const lead = random.pick(['The tool answered', 'Here is what the tool returned', 'According to the tool'] as const);
  const calls = chat.messages.flatMap((message) => message.calls);
  const lines = results.map((result) => {
    const name = result.name ?? calls.find((call) => call.id !== undefined && call.id === result.answersCall)?.name;
    return `${name === undefined ? '' : `${name}: `}${result.text.slice(0, longestQuote)}`;
  });
  return lines.length === 1 ? `${lead}: ${lines[0]}` : `${lead}:\n${lines.map((line) => `- ${line}`).join('\n')}`;
}

/** Says what the parts of the last user message are: format and size, not content. */
function describeParts({ chat }: Turn): string | undefined {
  const asked = chat.messages.findLast((message) => message.role === 'user');
  if (asked === undefined || asked.media.length === 0) return undefined;
  const parts = asked.media.map((part) => describeMedia(inspectMedia(part)));
  return `The ModAPI sandbox cannot see or hear, but it can read headers: your message holds ${parts.join(', and ')}.`;
}
