import { randomBytes } from 'node:crypto';
import { usageOf, type WireUsage } from '../answer.js';
import type { CallLog } from '../call-log.js';
import { partHead } from '../completion-wire.js';
import { type Delivery, deliver, eventStream } from '../delivery.js';
import { parseModel } from '../chat-request.js';
import { type PreparedCall, PreparedCalls, prepareCall } from '../prepared-call.js';
import { findModel } from '../served-models.js';
import { WireError } from '../wire-error.js';
import { CallRecord } from './call-record.js';
import type { HttpCall } from './http-call.js';
import { parseJsonObject, readJsonText } from './read-body.js';
import { Refusals } from './refusals.js';

export interface ChatEndpointOptions {
  readonly callLog: CallLog;
  /** Overrides the pace of the models that have one. */
  readonly chunkDelayMs: number | undefined;
}

/** `POST /v1/chat/completions`. */
export function chatEndpoint(options: ChatEndpointOptions): (call: HttpCall) => Promise<void> {
  const prepared = new PreparedCalls();
  const refusals = new Refusals();
  return async (call) => {
    const text = await readJsonText(call.request);
    const known = prepared.get(text);
    const body = known === undefined ? parseJsonObject(text) : undefined;
    const name = known?.name ?? parseModel(body ?? {});
    const stream = known?.stream ?? body?.stream === true;
    const record = new CallRecord(options.callLog, call, { name, stream });
    try {
      const model = known?.model ?? findModel(name);
      if (model === undefined) throw modelNotFound(name);
      refusals.refuseIfAsked(model, call);
      const ready = known ?? (await prepareCall(body ?? {}, model));
      if (known === undefined) prepared.add(text, ready);
      await send(ready, call, record, options.chunkDelayMs);
    } catch (error) {
      record.end(error instanceof WireError ? error.status : 500, 'finished', null);
      throw error;
    }
  };
}

/** 404, in OpenAI's words. */
export function modelNotFound(name: string): WireError {
  return new WireError(404, {
    message: `The model \`${name}\` does not exist or you do not have access to it.`,
    param: 'model',
    code: 'model_not_found',
  });
}

async function send(
  ready: PreparedCall,
  call: HttpCall,
  record: CallRecord,
  chunkDelayMs: number | undefined,
): Promise<void> {
  const good = goodDelivery(ready, call, chunkDelayMs);
  const delivery = ready.model.fault?.bend?.(good) ?? good;
  let sent = 0;
  const usageNow = (): WireUsage => {
    if (sent >= delivery.parts.length && delivery.outcome === 'finished') return ready.answer.usage;
    const text = delivery.texts.slice(0, sent).join('');
    const { prompt, reasoningTokens } = ready.answer;
    return usageOf(prompt, ready.tokenizer.count(text) + reasoningTokens, reasoningTokens);
  };
  const gone = new AbortController();
  if (call.response.destroyed) {
    // It left while its answer was being worked out.
    record.end(delivery.status, 'aborted', usageNow());
    return;
  }
  call.response.once('close', () => {
    // After a fault's own end this finds the record closed.
    record.end(delivery.status, delivery.ending === 'destroy' ? delivery.outcome : 'aborted', usageNow());
    gone.abort();
  });
  const observer = {
    beforeEnd: () => record.end(delivery.status, delivery.outcome, usageNow()),
    sent: (parts: number) => {
      sent = parts;
    },
  };
  await deliver(delivery, call.response, observer, gone.signal);
}

function goodDelivery(ready: PreparedCall, call: HttpCall, chunkDelayMs: number | undefined): Delivery {
  const { stream, model, template } = ready;
  const delayMs = model.delayMs === 0 ? 0 : (chunkDelayMs ?? model.delayMs);
  const id = `chatcmpl-${randomBytes(14).toString('hex')}`;
  const head = partHead(stream, id, Math.floor(Date.now() / 1000));
  const parts = template.tails.map((tail) => head + tail);
  if (stream) parts.push('data: [DONE]\n\n');
  return {
    status: 200,
    headers: {
      ...call.answerHeaders(),
      'content-type': stream ? eventStream : 'application/json',
      ...(stream && { 'cache-control': 'no-cache' }),
    },
    parts,
    texts: template.texts,
    firstPartDelayMs: delayMs,
    partDelayMs: delayMs,
    ending: 'end',
    outcome: 'finished',
  };
}
