const numberWords = [
  'zero',
  'one',
  'two',
  'three',
  'four',
  'five',
  'six',
  'seven',
  'eight',
  'nine',
  'ten',
  'eleven',
  'twelve',
];

const quotedEcho =
  /\b(?:say|reply|respond|answer|repeat|output|print|return|echo)\b[^"“`\n]{0,60}["“`]([^"”`]{1,2000})["”`]/i;
const colonEcho =
  /\b(?:say|reply|respond|answer|repeat|output|print|echo)(?: with| after me| back| exactly| only| just| the| this| these| following| words?| phrase| text| message){0,8}\s*:\s*(.{1,4000})$/is;
const onlyEcho =
  /\b(?:say|reply|respond|answer)(?: with)?(?: exactly| only| just){1,3}(?: with)?(?: the)?(?: words?)? (.{1,200}?)[.!]?\s*$/i;
const shortEcho = /^\s*(?:please )?say,? (?!something|anything|more|why|how|what)((?:\S+ ){0,4}\S+?)[.!]?\s*$/i;

/** "Reply with exactly: pong" is answered "pong". */
export function echo(text: string): string | undefined {
  for (const pattern of [quotedEcho, colonEcho, onlyEcho, shortEcho]) {
    const said = pattern.exec(text)?.[1]?.trim();
    if (said !== undefined && said !== '') return said;
  }
  return undefined;
}

const operators: Readonly<Record<string, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
};
const spoken = new Map([
  ['plus', '+'],
  ['minus', '-'],
  ['times', '*'],
  ['x', '*'],
  ['×', '*'],
  ['÷', '/'],
  ['multiplied by', '*'],
  ['divided by', '/'],
]);
const sum =
  /(?<![\d./-])(-?\d{1,15}(?:\.\d{1,9})?)\s*([+*/×÷x-]|plus|minus|times|multiplied by|divided by)\s*(-?\d{1,15}(?:\.\d{1,9})?)(?![\d/-])/i;

/** "What is 2 + 2?" is answered "2 + 2 = 4." */
export function calculate(text: string): string | undefined {
  const [whole, left, sign, right] = sum.exec(text) ?? [];
  if (whole === undefined || left === undefined || sign === undefined || right === undefined) return undefined;
  // 2026-01-31 is a date, not a subtraction.
  if (!/[?=]|\b(?:what|calculate|compute|how much|add|solve)\b/i.test(text)) return undefined;
  const operator = spoken.get(sign.toLowerCase()) ?? sign;
  const result = operators[operator]?.(Number(left), Number(right));
  if (result === undefined || !Number.isFinite(result)) return undefined;
  return `${left} ${operator} ${right} = ${Number(result.toPrecision(12))}.`;
}

const counting = new RegExp(
  `\\bcount (?:slowly )?(?:from (\\d{1,6}|${numberWords.join('|')}) )?(?:up )?to (\\d{1,6}|${numberWords.join('|')})\\b`,
  'i',
);
const mostCounted = 20_000;

/** "Count from 1 to 5" is answered "1, 2, 3, 4, 5". */
export function count(text: string): string | undefined {
  const [whole, from, to] = counting.exec(text) ?? [];
  if (whole === undefined || to === undefined) return undefined;
  const first = from === undefined ? 1 : numberOf(from);
  const length = Math.min(numberOf(to) - first + 1, mostCounted);
  return length < 1 ? undefined : Array.from({ length }, (_, index) => first + index).join(', ');
}

function numberOf(word: string): number {
  const index = numberWords.indexOf(word.toLowerCase());
  return index >= 0 ? index : Number(word);
}
