import { codePoints, GatewayError } from '#libs/contracts';
import type { Model, ParameterRule } from './model.js';

/** Parameters of a request by their names on OpenAI's wire, as the caller sent them; fields of a form are texts. */
export type AskedParameters = Readonly<Record<string, unknown>>;

/** More of a list than this says nothing. */
const shownValues = 24;

/** What a model cannot do of what is asked, as the error that names the parameter; undefined: nothing is known against it. */
export function unsupportedBy(model: Model, _endpoint: string, asked: AskedParameters): GatewayError | undefined {
  for (const [name, rule] of Object.entries(model.parameters ?? {})) {
    const value = valueOf(asked, name);
    if (!isAsked(value)) continue;
    if (rule.refused) {
      const message = `\`${model.id}\` does not support \`${name}\`. Leave it out, or choose another model.`;
      return new GatewayError('unsupported_parameter', message, { param: name });
    }
    const problem = problemOf(value, rule);
    if (problem === undefined) continue;
    const message = `\`${model.id}\` does not support this \`${name}\`: ${problem}. Change it, or choose another model.`;
    return new GatewayError('unsupported_value', message, { param: name });
  }
  return undefined;
}

/** Forms spell lists with brackets. */
function valueOf(asked: AskedParameters, name: string): unknown {
  return Object.hasOwn(asked, name) ? asked[name] : asked[`${name}[]`];
}

/** `null` and `false` ask for nothing. */
function isAsked(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 'false' && value !== '';
}

function problemOf(value: unknown, rule: ParameterRule): string | undefined {
  const values = Array.isArray(value) ? (value as unknown[]) : [value];
  for (const each of values) {
    const text = textOf(each);
    if (rule.oneOf && !rule.oneOf.map(String).includes(text)) return `it takes ${listOf(rule.oneOf)}`;
    if (rule.max !== undefined && Number(text) > rule.max) return `it takes at most ${rule.max}`;
    if (rule.maxLength !== undefined && codePoints(text) > rule.maxLength) {
      return `it takes at most ${rule.maxLength.toLocaleString('en-US')} characters`;
    }
  }
  return undefined;
}

/** An object stands for what it names: `voice: {"id": "voice_1"}`. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' ? id : JSON.stringify(value);
}

function listOf(values: readonly (string | number)[]): string {
  const shown = values.slice(0, shownValues).join(', ');
  return values.length > shownValues ? `${shown}, …` : shown;
}
