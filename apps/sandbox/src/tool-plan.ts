import type { ChatRequest } from './chat-request.js';
import { isObject } from './json.js';
import type { Random } from './random.js';
import { exampleOf } from './schema/example.js';
import { samplePattern } from './schema/pattern-sample.js';
import { properNouns, TextHints } from './schema/text-hints.js';
import { contentWords, stemOf } from './skills/sentences.js';
import type { Tool } from './tool-request.js';

/** A call that the model wants to make. */
export interface PlannedCall {
  readonly kind: Tool['kind'];
  readonly name: string;
  /** JSON arguments of a function, free text of a custom tool. */
  readonly input: string;
}

const mostCalls = 8;

/** Which tools are called, and with what: none, if the answer is to be text. */
export function planCalls(chat: ChatRequest, text: string, random: Random): PlannedCall[] {
  if (chat.toolMode === 'none' || chat.tools.length === 0) return [];
  const last = chat.messages.at(-1);
  const hasResult = last?.role === 'tool' || last?.role === 'function';
  if (chat.toolMode === 'auto' && (hasResult || last?.role === 'assistant' || isForbidden(text))) return [];
  const asked = chat.tools.filter((tool) => isAskedFor(tool, text));
  const [first] = chat.tools;
  const chosen = asked.length > 0 || chat.toolMode === 'auto' || first === undefined ? asked : [first];
  const calls = chosen.flatMap((tool) => callsOf(tool, text, random));
  return calls.slice(0, chat.parallelToolCalls ? mostCalls : 1);
}

function isForbidden(text: string): boolean {
  return /\b(?:do not|don't|without|never)\b[^.\n]{0,30}\b(?:tools?|functions?|call)\b/i.test(text);
}

/** Words that name no subject. */
const genericWords = new Set(
  (
    'add all api by call check compute create current data do execute fetch find for from function get given handle has info ' +
    'information invoke is list load look lookup make new of or perform process query read request result retrieve return ' +
    'returns run set show submit the tool update use user using value write'
  ).split(' '),
);

/** Tools whose subject a message may ask for in other words; one entry each. */
const otherWords: readonly (readonly [RegExp, RegExp])[] = [
  [
    /weather|forecast|temperature|climate/i,
    /\b(?:weather|forecast|rain\w*|sunny|snow\w*|hot|cold|warm|degrees|temperature|umbrella)\b/i,
  ],
  [
    /calc|math|arithmetic|add|sum|subtract|multipl|divide/i,
    /\d\s*(?:[-+*/×÷]|plus|minus|times|divided by|multiplied by)\s*\d|\b(?:calculate|compute|sum)\b/i,
  ],
  [/search|google|web|browse|wiki|lookup/i, /\b(?:search|look up|google|find out|latest|news|research)\b/i],
  [
    /time|clock|date|calendar/i,
    /\b(?:what time|what day|today|tomorrow|o'clock|date|now|schedule|appointment|meeting)\b/i,
  ],
  [/mail|message|notify/i, /\b(?:e-?mail|send|message|notify|write to)\b/i],
  [/stock|price|quote|ticker/i, /\b(?:stocks?|shares?|price|trading|cost)\b/i],
  [/code|python|shell|bash|exec/i, /\b(?:run|execute|code|script|python|command|shell)\b/i],
  [/file|read|write|edit/i, /\b(?:file|folder|directory|open|save)\b/i],
];

function isAskedFor(tool: Tool, text: string): boolean {
  if (text.includes(tool.name)) return true;
  const stems = new Set(contentWords(text).map(stemOf));
  const subject = subjectStems(tool.name);
  if (subject.some((stem) => stems.has(stem))) return true;
  if (otherWords.some(([name, message]) => name.test(tool.name) && message.test(text))) return true;
  const described = subjectStems(tool.description.slice(0, 2_000)).filter((stem) => stems.has(stem)).length;
  return described >= 2 || (described === 1 && parameterNames(tool).some((name) => stems.has(stemOf(name))));
}

function subjectStems(text: string): string[] {
  const spaced = text.replaceAll(/[_.-]/g, ' ').replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2');
  const stems = contentWords(spaced).map(stemOf);
  return [...new Set(stems)].filter((stem) => stem.length > 1 && !genericWords.has(stem));
}

function parameterNames(tool: Tool): string[] {
  return isObject(tool.parameters) && isObject(tool.parameters.properties)
    ? Object.keys(tool.parameters.properties)
    : [];
}

function callsOf(tool: Tool, text: string, random: Random): PlannedCall[] {
  return entitiesFor(tool, text).map((entity) => ({
    kind: tool.kind,
    name: tool.name,
    input: inputOf(tool, text, entity, random),
  }));
}

/** "the weather in Paris and London" is two calls of a tool that takes one place. */
function entitiesFor(tool: Tool, text: string): (string | undefined)[] {
  const nouns = properNouns(text);
  if (nouns.length < 2 || tool.kind === 'custom' || !isObject(tool.parameters)) return [undefined];
  const { properties, required } = tool.parameters;
  const texts = Object.entries(isObject(properties) ? properties : {}).filter(
    ([name, schema]) =>
      isObject(schema) &&
      schema.type === 'string' &&
      schema.enum === undefined &&
      (!Array.isArray(required) || required.includes(name)),
  );
  const listed = nouns.filter((noun, index) => index === 0 || followsInList(text, noun));
  return texts.length === 1 && listed.length > 1 ? listed : [undefined];
}

function followsInList(text: string, noun: string): boolean {
  const at = text.indexOf(noun);
  const before = text.slice(Math.max(0, at - 20), at);
  return /(?:,|\band|\bor|&)\s+(?:(?:in|for|at|of)\s+)?$/i.test(before);
}

function inputOf(tool: Tool, text: string, entity: string | undefined, random: Random): string {
  const hints = new TextHints(text, entity);
  if (tool.kind === 'custom') {
    const range = { minLength: 0, maxLength: Number.POSITIVE_INFINITY };
    const sample = tool.inputPattern === undefined ? undefined : samplePattern(tool.inputPattern, range, random);
    return sample ?? hints.textsFor('input')[0] ?? text;
  }
  const { parameters } = tool;
  const schema = isObject(parameters) && parameters.type === undefined ? { ...parameters, type: 'object' } : parameters;
  const value = exampleOf(schema, random, hints);
  return JSON.stringify(isObject(value) ? value : {});
}
