import type { Json, JsonObject } from '../json.js';
import type { ExampleBuilder, ExamplePlace } from './example-builder.js';
import { Unsatisfiable } from './flatten.js';
import { isMultiple } from './check.js';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** A number within its bounds and on its grid; one that the message names, where it fits. */
export function numberExample(schema: JsonObject, _: ExamplePlace, builder: ExampleBuilder): Json {
  const isInteger = [schema.type].flat().includes('integer') && ![schema.type].flat().includes('number');
  if (builder.attempt === 0) {
    const hinted = builder.hints.numbersFor().find((value) => fits(value, schema, isInteger));
    if (hinted !== undefined) {
      builder.hints.use(hinted);
      return hinted;
    }
  }
  const step = typeof schema.multipleOf === 'number' && schema.multipleOf > 0 ? schema.multipleOf : undefined;
  const range = rangeOf(schema, builder.attempt);
  if (step !== undefined) return multiple(step, range, schema, { isInteger, builder });
  const candidates = isInteger ? integers(range, builder) : numbers(range, builder);
  const found = candidates.find((value) => fits(value, schema, isInteger));
  if (found === undefined) throw new Unsatisfiable();
  return found;
}

function bound(rule: Json | undefined, otherwise: number): number {
  return typeof rule === 'number' ? rule : otherwise;
}

/** Where nothing is bounded: people's numbers are small, but a schema's other branches may forbid them. */
const windows: readonly Range[] = [
  { from: 1, to: 100 },
  { from: 1, to: 100 },
  { from: -100, to: -1 },
  { from: 0, to: 0 },
  { from: 1_000, to: 1_000_000 },
  { from: -1_000_000, to: -1_000 },
];

const openWidths = [100, 100, 1_000_000, 1];

function rangeOf(schema: JsonObject, attempt: number): Range {
  const from = Math.max(bound(schema.minimum, -Infinity), bound(schema.exclusiveMinimum, -Infinity));
  const to = Math.min(bound(schema.maximum, Infinity), bound(schema.exclusiveMaximum, Infinity));
  if (from > to) throw new Unsatisfiable();
  if (Number.isFinite(from) && Number.isFinite(to)) return { from, to };
  const width = openWidths[attempt % openWidths.length] ?? 100;
  if (Number.isFinite(from)) return { from, to: from + width };
  if (Number.isFinite(to)) return { from: to - width, to };
  return windows[attempt % windows.length] ?? { from: 1, to: 100 };
}

function fits(value: number, schema: JsonObject, isInteger: boolean): boolean {
  const { minimum, maximum, exclusiveMinimum: above, exclusiveMaximum: below, multipleOf } = schema;
  if (isInteger && !Number.isInteger(value)) return false;
  if (typeof minimum === 'number' && (above === true ? value <= minimum : value < minimum)) return false;
  if (typeof maximum === 'number' && (below === true ? value >= maximum : value > maximum)) return false;
  if (typeof above === 'number' && value <= above) return false;
  if (typeof below === 'number' && value >= below) return false;
  return typeof multipleOf !== 'number' || isMultiple(value, multipleOf);
}

function integers(range: Range, { random }: ExampleBuilder): number[] {
  const from = Math.ceil(range.from);
  const to = Math.floor(range.to);
  return [random.integer(from, Math.min(to, from + 99)), from, from + 1, to, to - 1];
}

function numbers(range: Range, { random }: ExampleBuilder): number[] {
  const between = range.from + (range.to - range.from) * random.next();
  const middle = range.from + (range.to - range.from) / 2;
  return [
    Number(between.toFixed(2)),
    Number(between.toPrecision(6)),
    Math.round(between),
    middle,
    between,
    range.from,
    range.to,
  ];
}

interface GridOptions {
  isInteger: boolean;
  builder: ExampleBuilder;
}

const farthest = 2_000;

/** Walks the grid from a random point: in floating point not every multiple divides back to a whole number. */
function multiple(step: number, range: Range, schema: JsonObject, { isInteger, builder }: GridOptions): number {
  const first = Math.ceil(range.from / step);
  const last = Math.max(first, Math.floor(range.to / step));
  const start = builder.random.integer(first, Math.min(last, first + 50));
  for (let offset = 0; offset < farthest; offset++) {
    const count =
      start + offset > last ? first + ((start + offset - first) % Math.max(1, last - first + 1)) : start + offset;
    const value = Number((count * step).toPrecision(15));
    if (fits(value, schema, isInteger)) return value;
  }
  // Nothing within the near range: the sides may be open and the step wide.
  for (const value of [0, step, -step]) if (fits(value, schema, isInteger)) return value;
  throw new Unsatisfiable();
}
