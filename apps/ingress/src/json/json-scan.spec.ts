import { describe, expect, it } from '@jest/globals';
import { jsonPathAt } from './json-path.js';
import { JsonScanner } from './json-scan.js';
import { readJson } from './read-json.js';

const scanner = new JsonScanner();
const codeOf = (json: string): string | undefined => scanner.scan(Buffer.from(json))?.code;

function spanTexts(json: string): { model: string | undefined; streamOptions: string | undefined } {
  const bytes = Buffer.from(json);
  expect(scanner.scan(bytes)).toBeUndefined();
  const { modelStart, modelEnd, streamOptionsStart, streamOptionsEnd } = scanner.spans;
  return {
    model: modelStart < 0 ? undefined : bytes.toString('utf8', modelStart, modelEnd),
    streamOptions: streamOptionsStart < 0 ? undefined : bytes.toString('utf8', streamOptionsStart, streamOptionsEnd),
  };
}

/** A small generator with a seed, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('JsonScanner', () => {
  it('accepts a depth of 64 and refuses 65, for arrays and objects', () => {
    expect(codeOf('['.repeat(64) + ']'.repeat(64))).toBeUndefined();
    expect(codeOf('['.repeat(65) + ']'.repeat(65))).toBe('json_too_deep');
    expect(codeOf('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toBe('json_too_deep');
    expect(codeOf('['.repeat(10_000))).toBe('json_too_deep');
  });

  it('refuses more than 50,000 keys or 200,000 values', () => {
    const keys = (count: number) => `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join()}}`;
    expect(codeOf(keys(50_000))).toBeUndefined();
    expect(codeOf(keys(50_001))).toBe('json_too_complex');
    expect(codeOf(`[${'1,'.repeat(199_998)}1]`)).toBeUndefined();
    expect(codeOf(`[${'1,'.repeat(200_001)}1]`)).toBe('json_too_complex');
    // The tables grown by the big ones serve the small ones.
    expect(codeOf('{"a":1,"b":2}')).toBeUndefined();
    expect(codeOf('{"a":1,"a":2}')).toBe('duplicate_key');
  });

  it('finds a duplicate key at any level, also behind escapes, and none where there is none', () => {
    expect(codeOf('{"model":"a","model":"b"}')).toBe('duplicate_key');
    expect(codeOf('{"a":[{"b":1,"c":{"d":1,"d":2}}]}')).toBe('duplicate_key');
    expect(codeOf('{"model":"a","\\u006dodel":"b"}')).toBe('duplicate_key');
    expect(codeOf('{"\\u006dodel":"a","model":"b"}')).toBe('duplicate_key');
    expect(codeOf('{"gr\\u00f6":1,"grö":2}')).toBe('duplicate_key');
    expect(codeOf('{"\\/":1,"/":2}')).toBe('duplicate_key');
    expect(codeOf('{"":1,"":2}')).toBe('duplicate_key');
    expect(codeOf('{"a":{"a":{"a":[{"a":1},{"a":1}]}},"b":"a"}')).toBeUndefined();
    expect(codeOf('{"a":"model","model":"model"}')).toBeUndefined();
  });

  it('finds a duplicate among thousands', () => {
    const pairs = Array.from({ length: 20_000 }, (_, index) => `"key-${index}":${index}`);
    expect(codeOf(`{${pairs.join()}}`)).toBeUndefined();
    expect(codeOf(`{${pairs.join()},"key-7":0}`)).toBe('duplicate_key');
  });

  it('refuses keys that poison prototypes, and only those', () => {
    expect(codeOf('{"a":[{"__proto__":{}}]}')).toBe('forbidden_key');
    expect(codeOf('{"\\u005f_proto__":{}}')).toBe('forbidden_key');
    expect(codeOf('{"constructor":{"prototype":{}}}')).toBe('forbidden_key');
    expect(codeOf('{"constructor":{"a":1,"prototype":{}}}')).toBe('forbidden_key');
    expect(codeOf('{"constructor":{"type":"string"},"prototype":1}')).toBeUndefined();
    expect(codeOf('{"constructor":1,"b":{"prototype":1}}')).toBeUndefined();
    expect(codeOf('{"constructor":{"a":{"prototype":1}}}')).toBeUndefined();
    expect(codeOf('{"a":"__proto__"}')).toBeUndefined();
  });

  it('refuses half a surrogate pair in values and keys, in short and long strings', () => {
    for (const text of ['\\ud800', 'x\\ud800\\u0041', '\\udc00', '\\ud800\\ud800\\udc00', '\\ud83d']) {
      expect(codeOf(`{"a":"${text}"}`)).toBe('invalid_encoding');
      expect(codeOf(`{"${text}":1}`)).toBe('invalid_encoding');
      expect(codeOf(`{"a":"${'x'.repeat(500)}${text}"}`)).toBe('invalid_encoding');
    }
    expect(codeOf('{"a":"\\ud83d\\ude00 \\\\ud800 \\u00e9"}')).toBeUndefined();
  });

  it('tells where the values of model and stream_options stand', () => {
    expect(spanTexts('{"model":"gpt-4o","stream_options":{"include_usage":true}}')).toEqual({
      model: '"gpt-4o"',
      streamOptions: '{"include_usage":true}',
    });
    expect(spanTexts('{ "stream_options" : { "a" : [ 1 , 2 ] } , "\\u006dodel" \n:\t"a\\"b,}" }')).toEqual({
      model: '"a\\"b,}"',
      streamOptions: '{ "a" : [ 1 , 2 ] }',
    });
    expect(spanTexts('{"model":null ,"stream_options": null }')).toEqual({ model: 'null', streamOptions: 'null' });
    expect(spanTexts('{"a":{"model":"x"},"b":["model",{"model":1}]}')).toEqual({
      model: undefined,
      streamOptions: undefined,
    });
  });

  it('finds every backslash at every place of a long string', () => {
    for (let length = 0; length < 130; length++) {
      const value = `${'x'.repeat(length)}\\"}${'y'.repeat(60)}\\\\`;
      expect(spanTexts(`{"a":"${value}","model":"m"}`).model).toBe('"m"');
    }
  });
});

/** A random document with everything in it; keys of one object may repeat, escapes may hide it. */
class Documents {
  constructor(private readonly next: () => number) {}

  private pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }

  string(): string {
    const piece = () =>
      this.pick([
        'a',
        'model',
        '\\u006d',
        '\\"',
        '\\\\',
        'é',
        '😀',
        '\\ud83d\\ude00',
        '{',
        '}',
        '[',
        ':',
        ',',
        'x'.repeat(70),
      ]);
    return `"${Array.from({ length: Math.floor(this.next() * 4) }, piece).join('')}"`;
  }

  key(): string {
    return this.pick(['"model"', '"stream_options"', '"\\u006dodel"', '"a"', '"b"', '"c"', '"d"', this.string()]);
  }

  value(depth: number): string {
    const space = () => this.pick(['', '', ' ', '\n\t']);
    const kind = depth > 5 ? 0 : this.next();
    const length = Math.floor(this.next() * 4);
    if (kind > 0.7) {
      const pair = () => `${space()}${this.key()}${space()}:${space()}${this.value(depth + 1)}${space()}`;
      return `{${Array.from({ length }, pair).join(',')}}`;
    }
    if (kind > 0.5) {
      return `[${Array.from({ length }, () => `${space()}${this.value(depth + 1)}${space()}`).join(',')}]`;
    }
    return this.pick(['1', '-0.5e3', 'true', 'false', 'null', this.string()]);
  }

  /** Now and then one byte is wrong. */
  document(): string {
    const json = `{${[1, 2, 3].map(() => `${this.key()}:${this.value(1)}`).join(',')}}`;
    if (this.next() > 0.3) return json;
    const at = Math.floor(this.next() * json.length);
    const wrong = this.pick(['"', '\\', '{', '}', '[', ']', ',', ':', '', 'u', ' ']);
    const mutant = (json.slice(0, at) + wrong + json.slice(at + 1)).toWellFormed();
    // Half a pair is refused for its own reason, which has its own test.
    return /\\ud83d(?!\\ude00)|(?<!\\ud83d)\\ude00/.test(mutant) ? json : mutant;
  }
}

/** The keys of every object in order of appearance, by JSON.parse itself. */
function hasDuplicateKeys(json: string): boolean {
  let pairs = 0;
  JSON.parse(json, function count(this: object, _key, value: unknown) {
    if (!Array.isArray(this)) pairs++;
    return value;
  });
  // The reviver sees each surviving pair once; a duplicate makes it fewer than the colons outside of strings.
  const colons = json.replace(/"(?:[^"\\]|\\.)*"/gs, '').split(':').length - 1;
  return pairs - 1 !== colons;
}

function isJson(json: string): boolean {
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}

describe('JsonScanner beside JSON.parse', () => {
  it('agrees on 20,000 random documents: duplicates, spans, and no valid document refused without a reason', () => {
    const documents = new Documents(random(20261122));
    const seen = { invalid: 0, duplicate: 0, fine: 0 };
    for (let round = 0; round < 20_000; round++) {
      const json = documents.document();
      const problem = scanner.scan(Buffer.from(json));
      if (!isJson(json)) {
        seen.invalid++;
        continue;
      }
      const parsed = JSON.parse(json) as Record<string, unknown>;
      const expected = hasDuplicateKeys(json) ? 'duplicate_key' : undefined;
      expect([json, problem?.code]).toEqual([json, expected]);
      if (expected) {
        seen.duplicate++;
        continue;
      }
      seen.fine++;
      const { model, streamOptions } = spanTexts(json);
      expect(model === undefined ? undefined : JSON.parse(model)).toEqual(parsed['model']);
      expect(streamOptions === undefined ? undefined : JSON.parse(streamOptions)).toEqual(parsed['stream_options']);
    }
    expect(Math.min(seen.invalid, seen.duplicate, seen.fine)).toBeGreaterThan(1_000);
  });

  it('reads what JSON.parse reads and refuses what it refuses', () => {
    const documents = new Documents(random(7));
    for (let round = 0; round < 5_000; round++) {
      const json = documents.document();
      const valid = isJson(json);
      let value: unknown;
      try {
        ({ value } = readJson(Buffer.from(json)));
      } catch (error) {
        if (!valid || hasDuplicateKeys(json)) continue;
        throw error;
      }
      expect(valid).toBe(true);
      expect(value).toEqual(JSON.parse(json));
    }
  });
});

describe('readJson', () => {
  const failure = (body: Buffer | string): unknown => {
    try {
      readJson(Buffer.from(body));
    } catch (error) {
      return { code: (error as { code: string }).code, param: (error as { param?: string }).param };
    }
    return undefined;
  };

  it('strips a byte order mark and outer white space, and counts the spans from what is left', () => {
    const { bytes, modelSpan } = readJson(Buffer.from('\ufeff \n{"model":"m"} \r\n'));
    expect(bytes.toString()).toBe('{"model":"m"}');
    expect(bytes.toString('utf8', ...modelSpan!)).toBe('"m"');
  });

  it.each([
    ['', { code: 'invalid_json' }],
    ['  ', { code: 'invalid_json' }],
    ['{', { code: 'invalid_json' }],
    ['}', { code: 'invalid_json' }],
    ['{"a":1,}', { code: 'invalid_json' }],
    ["{'a':1}", { code: 'invalid_json' }],
    ['{"a":NaN}', { code: 'invalid_json' }],
    ['{"a":1}//', { code: 'invalid_json' }],
    ['[]', { code: 'invalid_type' }],
    ['1', { code: 'invalid_type' }],
    ['"x"', { code: 'invalid_type' }],
    ['null', { code: 'invalid_type' }],
    ['{"messages":[{"content":"\\ud800"}]}', { code: 'invalid_encoding', param: 'messages[0].content' }],
    ['{"a":1,"model":"a","model":"b"}', { code: 'duplicate_key', param: 'model' }],
    ['{"a":[0,{"b":{"c":1,"\\u0063":2}}]}', { code: 'duplicate_key', param: 'a[1].b.c' }],
    ['{"tools":[{"__proto__":{}}]}', { code: 'forbidden_key', param: 'tools[0].__proto__' }],
  ])('refuses %j', (body, expected) => {
    expect(failure(body)).toEqual({ param: undefined, ...expected });
  });

  it('refuses bytes that are no UTF-8', () => {
    expect(failure(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toEqual({ code: 'invalid_encoding' });
    expect(failure(Buffer.from('{"a":1}', 'utf16le'))).toMatchObject({ code: expect.stringMatching(/invalid_/) });
  });
});

describe('jsonPathAt', () => {
  it('speaks OpenAI’s notation', () => {
    const json = Buffer.from('{"messages":[{"role":"user"},{"content":[{"text":"here"}]}]}');
    expect(jsonPathAt(json, json.indexOf('here'))).toBe('messages[1].content[0].text');
    expect(jsonPathAt(json, 0)).toBe('');
  });
});
