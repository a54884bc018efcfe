import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chargeOf, priceOfWire } from '#libs/catalog';
import type { AttemptFinished, HoldChange } from '#libs/contracts';
import type { CallHandle } from '#libs/messaging';
import {
  answers,
  chunk,
  type Script,
  ScriptedUpstream,
  streams,
  usage,
  wholeStream,
} from './testing/scripted-upstream.js';
import { type CallOptions, type Reply, TextWorker } from './testing/text-worker.js';

const upstream = new ScriptedUpstream();
let worker: TextWorker;

/** `stops`: ends with its connection. `bills`: does not, and the caller pays. `absorbed`: does not, and the operator pays. */
const providers = ['stops', 'bills', 'absorbed', 'fails', 'spare'];

beforeAll(async () => {
  const url = await upstream.listen();
  const timeouts = { firstByteMs: 400, idleMs: 400 };
  const provider = (name: string) => {
    const preset = name === 'bills' || name === 'absorbed' ? 'groq' : 'openai-compatible';
    const policy = name === 'absorbed' ? { abortPolicy: 'delivered_only' } : {};
    return {
      preset,
      baseUrl: `${url}/${name}/v1`,
      apiKey: 'env:UPSTREAM_KEY',
      timeouts,
      catalogModels: false,
      ...policy,
    };
  };
  const deployment = (name: string, price = { input: '1', output: '2' }) => ({ provider: name, model: 'up', price });
  worker = await TextWorker.start(
    {
      providers: Object.fromEntries(providers.map((name) => [name, provider(name)])),
      models: [
        ...providers.map((name) => ({ id: name, deployments: [deployment(name)] })),
        { id: 'two', deployments: [deployment('fails'), deployment('spare', { input: '3', output: '5' })] },
      ],
    },
    { UPSTREAM_KEY: 'sk-upstream-credential-0123456789', MODAPI_HOLD_LEASE_SECONDS: '2' },
  );
  upstream.script('spare', (response, received) =>
    received.body.includes('"stream":true')
      ? streams(wholeStream)(response, received)
      : answers(200, whole)(response, received),
  );
});

afterAll(async () => {
  await worker.stop();
  upstream.close();
});

const messages = [{ role: 'user', content: 'Say hello, grüße 👋' }];
const promptTokens = 14;
const whole = {
  ...{ id: 'chatcmpl-1', object: 'chat.completion', model: 'up', usage },
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
};
const { usage: _, ...wholeWithoutUsage } = whole;
const large = { ...whole, choices: [{ index: 0, message: { content: 'x'.repeat(100_000) }, finish_reason: 'stop' }] };
const began = wholeStream.slice(0, 3);
const openWith =
  (events: readonly string[], then: (response: Parameters<Script>[0]) => void = () => undefined): Script =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(event);
    then(response);
  };
/** Goes on after `openWith` for as long as its socket is open. */
const later =
  (events: readonly string[], delayMs = 80) =>
  (response: Parameters<Script>[0]) =>
    void setTimeout(() => response.end(events.join('')), delayMs);
const reset = (response: Parameters<Script>[0]) => void setTimeout(() => response.socket?.destroy(), 20);

interface Row {
  readonly name: string;
  readonly model?: string;
  readonly script: Script;
  readonly stream: boolean;
  /** The caller leaves: when the upstream has the request, or when it got so much. */
  readonly leaves?: 'asked' | 'content' | 'deadline';
  readonly outcome: AttemptFinished['outcome'];
  readonly source: AttemptFinished['usage_source'];
  readonly usage: AttemptFinished['usage'];
  readonly nanos: bigint;
}

const reported = { input: 9, output: 4 };
const counted = { input: promptTokens, output: 2 };
const none = { source: 'none', usage: {}, nanos: 0n } as const;
const byReport = { source: 'provider', usage: reported, nanos: 17_000n } as const;
const byCount = { source: 'counted', usage: counted, nanos: 18_000n } as const;

/** One entry per row of docs/charging.md that a worker decides. */
const rows: readonly Row[] = [
  { name: 'complete stream, usage reported', script: streams(wholeStream), stream: true, outcome: 'done', ...byReport },
  { name: 'complete answer, usage reported', script: answers(200, whole), stream: false, outcome: 'done', ...byReport },
  {
    name: 'complete stream, no usage',
    script: streams([...wholeStream.slice(0, 4), 'data: [DONE]\n\n']),
    ...{ stream: true, outcome: 'done', ...byCount },
  },
  {
    name: 'complete answer, no usage',
    script: answers(200, wholeWithoutUsage),
    stream: false,
    outcome: 'done',
    ...byCount,
  },
  {
    name: 'complete stream, usage that cannot be true',
    script: streams([...wholeStream.slice(0, 4), chunk(null, { usage: { prompt_tokens: -1 } }), 'data: [DONE]\n\n']),
    ...{ stream: true, outcome: 'done', ...byCount },
  },
  {
    name: 'the caller left before the first content',
    script: openWith([]),
    ...{ stream: true, leaves: 'asked', outcome: 'client_abort', ...none },
  },
  {
    name: 'the caller left in mid-stream, the provider stops',
    script: openWith(began, later(wholeStream.slice(3))),
    ...{ stream: true, leaves: 'content', outcome: 'client_abort', ...byCount },
  },
  {
    name: 'the caller left an unstreamed answer, the provider stops',
    script: (response) => void setTimeout(() => response.end(JSON.stringify(whole)), 80),
    ...{ stream: false, leaves: 'asked', outcome: 'client_abort', ...none },
  },
  {
    name: 'the caller left in mid-stream, the provider bills it all and reports',
    model: 'bills',
    script: openWith(began, later(wholeStream.slice(3))),
    ...{ stream: true, leaves: 'content', outcome: 'client_abort', ...byReport },
  },
  {
    name: 'the caller left in mid-stream, the provider bills it all and reports nothing',
    model: 'bills',
    script: openWith(began, later([chunk({ content: ' and more' }), ...wholeStream.slice(3, 4), 'data: [DONE]\n\n'])),
    ...{ stream: true, leaves: 'content', outcome: 'client_abort', source: 'counted' },
    ...{ usage: { input: promptTokens, output: 4 }, nanos: 22_000n },
  },
  {
    name: 'the caller left before the first content, the provider bills it all',
    model: 'bills',
    script: openWith([], later(wholeStream)),
    ...{ stream: true, leaves: 'asked', outcome: 'client_abort', ...byReport },
  },
  {
    name: 'the caller left before the first content, and the provider that bills it all failed',
    model: 'bills',
    script: (response) => void setTimeout(() => response.writeHead(500).end('{}'), 80),
    ...{ stream: true, leaves: 'asked', outcome: 'client_abort', ...none },
  },
  {
    name: 'the caller left an unstreamed answer, the provider bills it all',
    model: 'bills',
    script: (response) => void setTimeout(() => response.end(JSON.stringify(whole)), 80),
    ...{ stream: false, leaves: 'asked', outcome: 'client_abort', ...byReport },
  },
  {
    name: 'the caller left in mid-stream, the provider bills it all, the operator bears it',
    model: 'absorbed',
    script: openWith(began, later(wholeStream.slice(3))),
    ...{ stream: true, leaves: 'content', outcome: 'client_abort', ...byCount },
  },
  { name: 'an error before content', script: answers(500, {}), stream: true, outcome: 'upstream_error', ...none },
  {
    name: 'an error text after content is not output',
    script: streams([...began, 'data: {"error":{"message":"a very long story about what went wrong"}}\n\n']),
    ...{ stream: true, outcome: 'upstream_error', ...byCount },
  },
  {
    name: 'usage reported, then an error',
    script: streams([...began, chunk(null, { usage }), 'data: {"error":{"message":"boom"}}\n\n']),
    ...{ stream: true, outcome: 'upstream_error', ...byReport },
  },
  { name: 'a stream without an end', script: streams(began), stream: true, outcome: 'truncated', ...byCount },
  { name: 'a stream that breaks', script: openWith(began, reset), stream: true, outcome: 'truncated', ...byCount },
  {
    name: 'an unstreamed answer that breaks off',
    script: (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":[');
      reset(response);
    },
    ...{ stream: false, outcome: 'upstream_error', ...none },
  },
  { name: 'silence before content', script: openWith([]), stream: true, outcome: 'timeout', ...none },
  { name: 'silence after content', script: openWith(began), stream: true, outcome: 'timeout', ...byCount },
  {
    name: 'the call’s time is up after content, even at a provider that bills it all',
    model: 'bills',
    script: openWith(began, later(wholeStream.slice(3), 1_000)),
    ...{ stream: true, leaves: 'deadline', outcome: 'timeout', ...byCount },
  },
];

/** Calls, and waits until its usage is stored even if the caller left. */
async function play(
  row: Pick<Row, 'stream' | 'leaves' | 'script'> & { readonly model?: string; readonly rest?: object },
  options: CallOptions = {},
) {
  const { model = 'stops', stream, leaves } = row;
  upstream.script(model === 'two' ? 'fails' : model, row.script);
  const requestId = worker.nextRequestId();
  let left = false;
  const onData = (data: Uint8Array, handle: CallHandle) => {
    if (leaves === 'content' && !left && Buffer.from(data).includes(' there')) {
      left = true;
      handle.cancel('gone');
    }
    return data.length;
  };
  let reply: Reply | undefined;
  const body = { model, messages, ...(stream && { stream }), ...row.rest };
  if (leaves === 'asked') {
    const handle = worker.bus.call(worker.outgoing(body, { requestId, ...options }), {
      ...{ onHead: () => undefined, onData: () => undefined, onEnd: () => undefined, onError: () => undefined },
    });
    await until(() => upstream.of(model).length > 0);
    handle.cancel('gone');
  } else if (leaves === 'content') {
    void worker.call(body, { requestId, onData, ...options });
  } else {
    reply = await worker.call(body, { requestId, ...(leaves === 'deadline' && { deadlineMs: 150 }), ...options });
  }
  await until(() => worker.eventsOf(requestId).length > 0);
  return { requestId, reply, events: worker.eventsOf(requestId), changes: worker.ledger.of(requestId) };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const chargeIn = ({ usage: of, price }: AttemptFinished) => chargeOf(of, priceOfWire(price));

describe('what an upstream call is charged', () => {
  it.each(rows)('$name: $outcome, $source', async (row) => {
    const { events } = await play(row);
    expect(events).toHaveLength(1);
    const [event] = events as [AttemptFinished];
    expect(event).toMatchObject({ outcome: row.outcome, usage_source: row.source });
    expect(event.usage).toEqual(row.usage);
    expect(chargeIn(event)).toBe(row.nanos);
  });

  it('a failover costs what the one that answered costs, at its own price', async () => {
    const { events } = await play({ model: 'two', script: answers(500, {}), stream: true });
    expect(events.map((event) => [event.outcome, event.usage_source, chargeIn(event)])).toEqual([
      ['upstream_error', 'none', 0n],
      ['done', 'provider', 47_000n],
    ]);
  });

  it('an organization’s own price takes the place of every deployment’s', async () => {
    const price = { input: '100000000', output: '100000000' };
    const { events, reply } = await play({ model: 'two', script: answers(500, {}), stream: false }, { price });
    expect(events.map((event) => event.price)).toEqual([price, price]);
    expect(reply?.headers['x-modapi-cost-nano-usd']).toBe('1300');
    expect(reply?.notes.map((note) => note['price'])).toEqual([price, price]);
  });

  it.each([
    ['a short answer', whole, '17000', 'provider'],
    ['an answer of several frames', large, '17000', 'provider'],
    ['an answer without usage, which is counted first', wholeWithoutUsage, '18000', 'counted'],
  ])('%s says in its head what it costs, and how that is known', async (_name, body, cost, source) => {
    const { reply, events } = await play({ script: answers(200, body), stream: false });
    expect(reply?.headers['x-modapi-cost-nano-usd']).toBe(cost);
    expect(reply?.headers['x-modapi-usage-source']).toBe(source);
    expect(chargeIn(events[0]!).toString()).toBe(cost);
    expect(JSON.parse(reply!.body)).toEqual({ ...body, model: 'stops' });
  });

  it('a caller that leaves a large answer after it was complete pays it', async () => {
    let first = true;
    const requestId = worker.nextRequestId();
    upstream.script('stops', answers(200, large));
    void worker.call(
      { model: 'stops', messages },
      {
        requestId,
        onData: (_data, handle) => {
          if (first) handle.cancel('gone');
          first = false;
          return 0;
        },
      },
    );
    await until(() => worker.eventsOf(requestId).length > 0);
    expect(worker.eventsOf(requestId)[0]).toMatchObject({ outcome: 'done', usage: reported });
  });

  it('an abort closes the socket of a provider that stops at once, and not of one that bills', async () => {
    const script = openWith(began, later(wholeStream.slice(3), 150));
    await play({ model: 'stops', script, stream: true, leaves: 'content' });
    await upstream.of('stops')[0]!.aborted;
    let aborted = false;
    const playing = play({ model: 'bills', script, stream: true, leaves: 'content' });
    await until(() => upstream.of('bills').length > 0);
    void upstream.of('bills')[0]!.aborted.then(() => (aborted = true));
    await playing;
    expect(aborted).toBe(false);
  });
});

const words = (count: number) => Array.from({ length: count }, () => chunk({ content: ' w' }));
const ends = [chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }), 'data: [DONE]\n\n'];
const kindsOf = (changes: readonly { kind: string }[]) =>
  changes.map(({ kind }) => kind).filter((kind) => kind !== 'renew');
const extensionsOf = (changes: readonly HoldChange[]) =>
  changes.flatMap((change) => (change.kind === 'extend' ? [change.nanos] : []));
const blocksOf = (body: string) =>
  body
    .trimEnd()
    .split('\n\n')
    .map((block) => JSON.parse(block.slice(6)) as Record<string, unknown>);
const hold = { outputTokens: 100, extensible: true };
/** Goes on and on, whatever it was asked for, one token of every choice at a time. */
const endless = (choices: number): Script => {
  const events = Array.from({ length: choices }, (_, index) =>
    chunk({}, { choices: [{ index, delta: { content: ' w' }, finish_reason: null }] }),
  ).join('');
  return openWith([chunk({ role: 'assistant', content: '' })], (response) => {
    const timer = setInterval(() => response.write(events.repeat(5)), 2);
    response.on('close', () => clearInterval(timer));
  });
};

describe('a stream whose hold runs out', () => {
  it('asks for more at half of it, and goes on', async () => {
    const { events, changes, reply } = await play(
      { script: streams([...words(120), ...ends], 1), stream: true },
      { hold },
    );
    expect(kindsOf(changes)).toEqual(['extend']);
    // 2,048 tokens at 2 dollars per million.
    expect(changes.find(({ kind }) => kind === 'extend')).toMatchObject({ step: 1, nanos: '4096000' });
    expect(events[0]).toMatchObject({ outcome: 'done', held: true });
    expect(reply?.body.endsWith('data: [DONE]\n\n')).toBe(true);
  });

  it('refused: stops when all is used, says so twice, and is charged up to there', async () => {
    worker.ledger.answer = () => false;
    const script = openWith([chunk({ role: 'assistant', content: '' })], (response) => {
      let sent = 0;
      const timer = setInterval(() => (sent++ < 1_000 ? response.write(words(5).join('')) : clearInterval(timer)), 2);
    });
    const { events, changes, reply } = await play({ script, stream: true }, { hold });
    worker.ledger.answer = () => true;
    await upstream.of('stops')[0]!.aborted;
    // For 2,048 tokens, then for half as many, down to 128.
    expect(extensionsOf(changes)).toEqual(['4096000', '2048000', '1024000', '512000', '256000']);
    const blocks = blocksOf(reply!.body);
    expect(blocks.at(-2)).toEqual({
      ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'stops' },
      choices: [{ index: 0, delta: {}, logprobs: null, finish_reason: 'length' }],
    });
    expect(blocks.at(-1)).toMatchObject({ error: { code: 'insufficient_quota', type: 'insufficient_quota' } });
    expect(reply!.body).not.toContain('[DONE]');
    expect(blocks).toHaveLength(1 + 100 + 2);
    expect(events[0]).toMatchObject({ outcome: 'balance_stop', usage_source: 'counted', content_delivered: true });
    expect(events[0]!.usage).toEqual({ input: promptTokens, output: 100 });
  });

  it('waits for a ledger that is slow, and delivers nothing unpaid meanwhile', async () => {
    const answer = Promise.withResolvers<boolean>();
    worker.ledger.answer = () => answer.promise;
    let received = 0;
    const onData = (data: Uint8Array) => {
      received += Buffer.from(data).toString().split(' w"').length - 1;
      return data.length;
    };
    const playing = play({ script: streams([...words(400), ...ends], 1), stream: true }, { hold, onData });
    await until(() => received >= 100);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(received).toBeLessThan(120);
    answer.resolve(true);
    const { events } = await playing;
    worker.ledger.answer = () => true;
    expect(received).toBe(400);
    expect(events[0]!.outcome).toBe('done');
  });

  it('uses up what money is left, by smaller and smaller extensions', async () => {
    let left = 1_500_000n;
    worker.ledger.answer = (change) => {
      if (change.kind !== 'extend') return true;
      const granted = BigInt(change.nanos) <= left;
      if (granted) left -= BigInt(change.nanos);
      return granted;
    };
    const { events } = await play({ script: endless(1), stream: true }, { hold });
    worker.ledger.answer = () => true;
    // 100 tokens, and 512 and 128 more; 110 tokens' worth is left.
    expect(events[0]).toMatchObject({ outcome: 'balance_stop', usage: { output: 740 } });
    expect(left).toBeLessThan(256_000n);
  });

  it('without an answer of the ledger: asks once more, and says at the end that it was not there', async () => {
    worker.ledger.answer = ({ kind }) => (kind === 'extend' ? undefined : true);
    const { reply, events } = await play({ script: endless(1), stream: true }, { hold });
    worker.ledger.answer = () => true;
    expect(blocksOf(reply!.body).at(-1)).toMatchObject({ error: { code: 'ledger_unavailable' } });
    expect(reply!.body).toContain('"finish_reason":"length"');
    expect(events[0]).toMatchObject({ outcome: 'balance_stop', usage: { output: 100 } });
  });

  it('counts all choices, and ends each of them', async () => {
    worker.ledger.answer = () => false;
    const both = [0, 1].map((index) =>
      chunk({}, { choices: [{ index, delta: { content: ' w' }, finish_reason: null }] }),
    );
    const script = streams([...Array.from({ length: 200 }, () => both.join('')), ...ends], 1);
    const { reply, events } = await play({ script, stream: true }, { hold });
    worker.ledger.answer = () => true;
    expect(reply!.body.match(/"finish_reason":"length"/g)).toHaveLength(2);
    expect(events[0]!.usage.output).toBe(100);
  });

  it('is not asked about where the hold is of full size, where there is none, and where output is free', async () => {
    const script = streams([...words(120), ...ends], 1);
    for (const options of [
      { hold: { ...hold, extensible: false } },
      {},
      { hold, price: { input: '1', output: '0' } },
    ]) {
      const { events, changes } = await play({ script, stream: true }, options);
      expect([events[0]!.outcome, kindsOf(changes)]).toEqual(['done', []]);
    }
  });
});

describe('a stream that is held in full, of an upstream that ignores limits', () => {
  const full = { outputTokens: 100, extensible: false };

  it.each([1, 3])('ends as one that reached its length: n=%i', async (choices) => {
    const { events, changes, reply } = await play(
      { script: endless(choices), stream: true, rest: { stream_options: { include_usage: true } } },
      { hold: full },
    );
    await upstream.of('stops').at(-1)!.aborted;
    expect(kindsOf(changes)).toEqual([]);
    expect(reply!.error).toBeUndefined();
    expect(reply!.body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(reply!.body).not.toContain('"error"');
    expect(reply!.body.match(/"finish_reason":"length"/g)).toHaveLength(choices);
    // 100 tokens, a quarter of them and 64.
    const output = 189;
    expect(blocksOf(reply!.body.replace('data: [DONE]\n\n', '')).at(-1)).toMatchObject({
      ...{ id: 'chatcmpl-1', object: 'chat.completion.chunk', model: 'stops', choices: [] },
      usage: { prompt_tokens: promptTokens, completion_tokens: output, total_tokens: promptTokens + output },
    });
    expect(events[0]).toMatchObject({ outcome: 'balance_stop', usage_source: 'counted' });
    expect(events[0]!.usage).toEqual({ input: promptTokens, output });
  });

  it('tells of usage only who asked for it', async () => {
    const { reply } = await play({ script: endless(1), stream: true }, { hold: full });
    expect(reply!.body).not.toContain('"usage":{');
    expect(reply!.body.endsWith('data: [DONE]\n\n')).toBe(true);
  });
});

describe('the hold of a call', () => {
  it('is renewed while the call runs, and left to the charge when there is one', async () => {
    const script = openWith(began, (response) => {
      const timer = setInterval(() => response.write(chunk({ content: '!' })), 100);
      setTimeout(() => {
        clearInterval(timer);
        response.end(wholeStream.slice(3).join(''));
      }, 1_200);
    });
    const { changes, requestId } = await play({ script, stream: true }, { hold });
    expect(changes.filter(({ kind }) => kind === 'renew').length).toBeGreaterThanOrEqual(2);
    expect(kindsOf(changes)).toEqual([]);
    const renewals = changes.length;
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(worker.ledger.of(requestId)).toHaveLength(renewals);
  });

  it.each([
    ['the provider refuses', 'stops', answers(400, { error: { message: 'no' } })],
    ['the model is not there', 'nothing', answers(200, whole)],
  ])('is released when %s', async (_name, model, script) => {
    upstream.script('stops', script);
    const requestId = worker.nextRequestId();
    const { error } = await worker.call({ model, messages }, { requestId, hold });
    expect(error?.reason).toBe('remote');
    await until(() => worker.ledger.of(requestId).length > 0);
    expect(kindsOf(worker.ledger.of(requestId))).toEqual(['release']);
  });

  it('is released when the caller leaves before content', async () => {
    const { requestId } = await play({ script: openWith([]), stream: true, leaves: 'asked' }, { hold });
    await until(() => worker.ledger.of(requestId).some(({ kind }) => kind === 'release'));
  });

  it('has every further attempt on record before its upstream is called', async () => {
    let calledBefore = -1;
    worker.ledger.answer = ({ kind }) => {
      if (kind === 'intent') calledBefore = upstream.of('spare').length;
      return true;
    };
    const before = upstream.of('spare').length;
    const { changes, requestId, events } = await play(
      { model: 'two', script: answers(500, {}), stream: true },
      { hold },
    );
    worker.ledger.answer = () => true;
    expect(changes.find(({ kind }) => kind === 'intent')).toEqual({
      ...{ kind: 'intent', requestId, attemptId: `${requestId}#2`, provider: 'spare', upstreamModel: 'up' },
    });
    expect(calledBefore).toBe(before);
    expect(events).toHaveLength(2);
  });

  it.each([
    ['refuses', false],
    ['does not answer', undefined],
  ])('allows no further attempt when the ledger %s', async (_name, answer) => {
    worker.ledger.answer = () => answer;
    const before = upstream.of('spare').length;
    const { reply, events } = await play({ model: 'two', script: answers(500, {}), stream: true }, { hold });
    worker.ledger.answer = () => true;
    expect(reply?.error?.gateway).toMatchObject({ code: 'ledger_unavailable', retryAfterSeconds: 2 });
    expect(upstream.of('spare')).toHaveLength(before);
    expect(events).toHaveLength(1);
    expect(reply?.notes).toHaveLength(1);
  });
});
