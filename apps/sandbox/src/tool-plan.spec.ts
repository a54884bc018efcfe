import { describe, expect, it } from '@jest/globals';
import { parseChatRequest } from './chat-request.js';
import type { Json, JsonObject } from './json.js';
import { Random } from './random.js';
import { planCalls } from './tool-plan.js';

const fn = (name: string, properties: JsonObject, description = ''): JsonObject => ({
  type: 'function',
  function: { name, description, parameters: { type: 'object', properties, required: Object.keys(properties) } },
});
const weather = fn('get_weather', { location: { type: 'string' } });
const calculator = fn('calculator', { expression: { type: 'string' } });
const lookup = fn('lookupOrder', { order_id: { type: 'string', pattern: '^[A-Z]{2}\\d{4}$' } });
const tools = [weather, calculator, lookup];

function plan(text: string, extra: JsonObject = {}, messages?: Json[]): [string, Json][] {
  const chat = parseChatRequest({
    model: 'chat',
    messages: messages ?? [{ role: 'user', content: text }],
    tools,
    ...extra,
  });
  return planCalls(chat, text, new Random(1)).map((call) => [call.name, JSON.parse(call.input) as Json]);
}

describe('planCalls', () => {
  it('calls the tool that the message asks for', () => {
    expect(plan("What's the weather in Oslo?")).toEqual([['get_weather', { location: 'Oslo' }]]);
    expect(plan('Will I need an umbrella in Bergen?')).toEqual([['get_weather', { location: 'Bergen' }]]);
    expect(plan('What is 17 * 23?')).toEqual([['calculator', { expression: '17 * 23' }]]);
    expect(plan('Where are my orders?')).toEqual([
      ['lookupOrder', { order_id: expect.stringMatching(/^[A-Z]{2}\d{4}$/) }],
    ]);
  });

  it('calls none when none is asked for, or tools are ruled out', () => {
    expect(plan('Tell me a joke')).toEqual([]);
    expect(plan("What's the weather in Oslo?", { tool_choice: 'none' })).toEqual([]);
    expect(plan("What's the weather in Oslo? Do not call any tools.")).toEqual([]);
  });

  it('calls one all the same when a call is required or forced', () => {
    expect(plan('Tell me a joke', { tool_choice: 'required' })).toHaveLength(1);
    expect(plan('Weather in Oslo', { tool_choice: { type: 'function', function: { name: 'calculator' } } })).toEqual([
      ['calculator', { expression: expect.any(String) }],
    ]);
  });

  it('keeps to the allowed tools', () => {
    const allowed = (mode: string): JsonObject => ({
      tool_choice: {
        type: 'allowed_tools',
        allowed_tools: { mode, tools: [{ type: 'function', function: { name: 'calculator' } }] },
      },
    });
    expect(plan('Weather in Oslo', allowed('auto'))).toEqual([]);
    expect(plan('Weather in Oslo', allowed('required')).map(([name]) => name)).toEqual(['calculator']);
  });

  it('calls in parallel, unless it must not', () => {
    const both = 'What is the weather in Paris, London and Rome?';
    expect(plan(both).map(([, input]) => input)).toEqual([
      { location: 'Paris' },
      { location: 'London' },
      { location: 'Rome' },
    ]);
    expect(plan(both, { parallel_tool_calls: false })).toEqual([['get_weather', { location: 'Paris' }]]);
    expect(plan('What is 2 + 2, and the weather in Oslo?').map(([name]) => name)).toEqual([
      'get_weather',
      'calculator',
    ]);
  });

  it('does not split what is one call', () => {
    const flight = fn('book_flight', { from: { type: 'string' }, to: { type: 'string' } });
    expect(plan('Book a flight from Berlin to Rome', { tools: [flight] })).toEqual([
      ['book_flight', { from: 'Berlin', to: 'Rome' }],
    ]);
  });

  it('leaves the answer to a tool result to the text, unless a call is required', () => {
    const messages = [
      { role: 'user', content: 'Weather in Oslo?' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_1', content: 'rain' },
    ];
    expect(plan('Weather in Oslo?', {}, messages)).toEqual([]);
    expect(plan('Weather in Oslo?', { tool_choice: 'required' }, messages)).toHaveLength(1);
  });

  it('gives a custom tool an input of its grammar', () => {
    const grammar = { syntax: 'regex', definition: '^print\\(\\d+\\)$' };
    const custom = { type: 'custom', custom: { name: 'run_code', format: { type: 'grammar', grammar } } };
    const chat = parseChatRequest({
      model: 'chat',
      messages: [{ role: 'user', content: 'run the code' }],
      tools: [custom],
    });
    expect(planCalls(chat, 'run the code', new Random(1))).toEqual([
      { kind: 'custom', name: 'run_code', input: expect.stringMatching(/^print\(\d+\)$/) },
    ]);
  });
});
