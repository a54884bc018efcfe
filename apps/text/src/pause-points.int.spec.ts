import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PauseStage, pauseStages } from '#libs/inference';
import type { CallHandle } from '#libs/messaging';
import { ScriptedUpstream, streams, wholeStream } from './testing/scripted-upstream.js';
import { TextWorker } from './testing/text-worker.js';

const upstream = new ScriptedUpstream();
let url: string;

beforeAll(async () => {
  url = await upstream.listen();
});
afterAll(() => upstream.close());

/** What has happened when the call stands still at the stage. */
const reached: Record<PauseStage, { called: number; content: boolean; stored: number }> = {
  'attempt-noted': { called: 0, content: false, stored: 0 },
  streaming: { called: 1, content: true, stored: 0 },
  'upstream-finished': { called: 1, content: true, stored: 0 },
  'usage-stored': { called: 1, content: true, stored: 1 },
};

describe('MODAPI_PAUSE_AT', () => {
  it.each(pauseStages)('%s: the first call stops there, the next one does not', async (stage) => {
    upstream.script('sandbox', streams(wholeStream, 10));
    const env = { MODAPI_SANDBOX_URL: `${url}/sandbox`, MODAPI_PAUSE_AT: stage, MODAPI_DRAIN_SECONDS: '0.2' };
    const worker = await TextWorker.start({}, env);
    const body = { model: 'sandbox/chat', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
    let content = '';
    let ended = false;
    const handle: CallHandle = worker.bus.call(worker.outgoing(body, { requestId: 'req_paused' }), {
      onHead: () => undefined,
      onData: (data) => {
        content += Buffer.from(data).toString();
        handle.grant(data.length);
      },
      onEnd: () => (ended = true),
      onError: () => (ended = true),
    });
    expect((await worker.call(body)).trailer).toEqual({ attempts: 1, provider: 'sandbox', tokens: 13 });
    const { called, stored, content: hasContent } = reached[stage];
    expect(upstream.of('sandbox')).toHaveLength(1 + called);
    expect([content.includes('Hello'), ended]).toEqual([hasContent, false]);
    expect(worker.eventsOf('req_paused')).toHaveLength(stored);
    if (stage === 'streaming') expect(content).not.toContain('there');
    await worker.stop();
  });
});
