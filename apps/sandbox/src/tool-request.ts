import { isObject, type Json, type JsonObject } from './json.js';
import { invalidValue, WireError } from './wire-error.js';

/** A tool that the caller offers. */
export interface Tool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly description: string;
  /** JSON Schema of a function's arguments. */
  readonly parameters: Json;
  /** Regular expression that a custom tool's input must match. */
  readonly inputPattern: string | undefined;
  /** As it came: its tokens are counted. */
  readonly definition: Json;
}

export interface ToolRequest {
  /** Those that may be called, after `tool_choice` and `allowed_tools`. */
  readonly tools: readonly Tool[];
  readonly toolMode: 'none' | 'auto' | 'required';
  readonly parallelToolCalls: boolean;
  /** `functions` and `function_call` were used, so the answer has `function_call`. */
  readonly legacyFunctions: boolean;
}

/** Parses `tools`, `tool_choice` and `parallel_tool_calls`, or their legacy forms. */
export function parseToolRequest(body: JsonObject): ToolRequest {
  const legacyFunctions = Array.isArray(body.functions) && body.functions.length > 0;
  if (legacyFunctions) return parseLegacy(body);
  const tools = parseList(body.tools, 'tools').map((value, index) => parseTool(value, `tools[${index}]`));
  const choice = parseChoice(body.tool_choice, tools);
  return {
    ...choice,
    parallelToolCalls: body.parallel_tool_calls !== false,
    legacyFunctions,
  };
}

function parseLegacy(body: JsonObject): ToolRequest {
  const tools = parseList(body.functions, 'functions').map((definition, index) =>
    parseTool({ type: 'function', function: definition }, `functions[${index}]`),
  );
  const asked = body.function_call;
  const choice = isObject(asked) ? { type: 'function', function: asked } : asked;
  return { ...parseChoice(choice, tools), parallelToolCalls: false, legacyFunctions: true };
}

function parseList(value: Json | undefined, param: string): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw invalidValue(param, `Invalid type for '${param}': expected an array.`);
  return value;
}

function parseTool(value: Json, path: string): Tool {
  const type = isObject(value) ? value.type : undefined;
  if (!isObject(value) || (type !== 'function' && type !== 'custom')) {
    throw invalidValue(
      `${path}.type`,
      `Invalid value for '${path}.type'. Supported values are: 'function' and 'custom'.`,
    );
  }
  const definition = value[type];
  const name = isObject(definition) ? definition.name : undefined;
  if (!isObject(definition) || typeof name !== 'string') {
    throw new WireError(400, {
      message: `Missing required parameter: '${path}.${type}.name'.`,
      param: `${path}.${type}.name`,
      code: 'missing_required_parameter',
    });
  }
  if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) {
    throw invalidValue(`${path}.${type}.name`, `Invalid '${path}.${type}.name': use letters, digits, _ and - only.`);
  }
  return {
    kind: type,
    name,
    description: typeof definition.description === 'string' ? definition.description : '',
    parameters: definition.parameters ?? { type: 'object', properties: {} },
    inputPattern: inputPatternOf(definition),
    definition,
  };
}

/** Of `format: {type: 'grammar', grammar: {syntax: 'regex', definition}}`; a Lark grammar is not followed. */
function inputPatternOf(definition: JsonObject): string | undefined {
  const { format } = definition;
  const grammar = isObject(format) && isObject(format.grammar) ? format.grammar : format;
  if (!isObject(grammar) || grammar.syntax !== 'regex' || typeof grammar.definition !== 'string') return undefined;
  return grammar.definition;
}

type Choice = Pick<ToolRequest, 'tools' | 'toolMode'>;

function parseChoice(value: Json | undefined, tools: readonly Tool[]): Choice {
  if (value === undefined || value === null) return { tools, toolMode: tools.length === 0 ? 'none' : 'auto' };
  if (tools.length === 0 && value !== 'none' && value !== 'auto') {
    throw invalidValue(
      'tool_choice',
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    );
  }
  if (value === 'none' || value === 'auto' || value === 'required') return { tools, toolMode: value };
  if (isObject(value) && value.type === 'allowed_tools') return parseAllowed(value, tools);
  const name = nameIn(value);
  const forced = tools.filter((tool) => tool.name === name);
  if (name === undefined || forced.length === 0) {
    throw invalidValue(
      'tool_choice',
      `Tool choice '${name ?? JSON.stringify(value)}' was not found in the 'tools' parameter.`,
    );
  }
  return { tools: forced, toolMode: 'required' };
}

function parseAllowed(value: JsonObject, tools: readonly Tool[]): Choice {
  // The documentation nests the two fields, some clients send them flat.
  const allowed = isObject(value.allowed_tools) ? value.allowed_tools : value;
  const names = new Set(parseList(allowed.tools, 'tool_choice.allowed_tools.tools').map(nameIn));
  const some = tools.filter((tool) => names.has(tool.name));
  if (some.length === 0)
    throw invalidValue('tool_choice', "None of the allowed tools was found in the 'tools' parameter.");
  return { tools: some, toolMode: allowed.mode === 'required' ? 'required' : 'auto' };
}

function nameIn(value: Json): string | undefined {
  if (!isObject(value)) return undefined;
  const holder = [value.function, value.custom].find((part) => isObject(part)) ?? value;
  return typeof holder.name === 'string' ? holder.name : undefined;
}
