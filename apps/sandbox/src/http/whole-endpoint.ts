import type { CallLog, InputUsage } from '../call-log.js';
import { parseModel } from '../chat-request.js';
import { type Delivery, deliver } from '../delivery.js';
import { findVectorService, type VectorModel, type VectorService } from '../embedding/vector-models.js';
import type { JsonObject } from '../json.js';
import { WireError } from '../wire-error.js';
import { CallRecord } from './call-record.js';
import { modelNotFound } from './chat-endpoint.js';
import type { HttpCall } from './http-call.js';
import { parseJsonObject, readJsonText } from './read-body.js';
import { Refusals } from './refusals.js';

/** An answer that comes in one piece, and what it used. */
export interface WholeReply {
  readonly json: string;
  readonly usage: InputUsage;
}

type Reply = (body: JsonObject, name: string, service: VectorService) => Promise<WholeReply>;

/** An endpoint of the vector models; faults do to its answer what they do to a chat's that is not streamed. */
export function wholeEndpoint(
  endpoint: VectorModel['serves'],
  { callLog }: { readonly callLog: CallLog },
  reply: Reply,
): (call: HttpCall) => Promise<void> {
  const refusals = new Refusals();
  return async (call) => {
    const body = parseJsonObject(await readJsonText(call.request));
    const name = parseModel(body);
    const record = new CallRecord(callLog, call, { name, stream: false });
    try {
      const service = findVectorService(name, endpoint);
      if (!service) throw modelNotFound(name);
      refusals.refuseIfAsked(service, call);
      await send(await reply(body, name, service), service, call, record);
    } catch (error) {
      record.end(error instanceof WireError ? error.status : 500, 'finished', null);
      throw error;
    }
  };
}

async function send(
  { json, usage }: WholeReply,
  { fault }: VectorService,
  call: HttpCall,
  record: CallRecord,
): Promise<void> {
  const good: Delivery = {
    status: 200,
    headers: { ...call.answerHeaders(), 'content-type': 'application/json' },
    parts: [json],
    texts: [],
    firstPartDelayMs: 0,
    partDelayMs: 0,
    ending: 'end',
    outcome: 'finished',
  };
  const delivery = fault?.bend?.(good) ?? good;
  const gone = new AbortController();
  if (call.response.destroyed) {
    record.end(delivery.status, 'aborted', usage);
    return;
  }
  call.response.once('close', () => {
    // After a fault's own end this finds the record closed.
    record.end(delivery.status, delivery.ending === 'destroy' ? delivery.outcome : 'aborted', usage);
    gone.abort();
  });
  const beforeEnd = (): void => record.end(delivery.status, delivery.outcome, usage);
  await deliver(delivery, call.response, { beforeEnd, sent: () => undefined }, gone.signal);
}
