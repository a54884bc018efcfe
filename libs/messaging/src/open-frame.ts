import { bodyFollowsFlag, bodyPulledFlag, frameTypes, FrameReader, headerBytes, writeHeader } from './frame.js';
import type { OutgoingCall, TraceHeaders } from './bus.js';
import { isBodySource } from './calls/body-sender.js';

/** After the header: deadline ms, bytes of the head, bytes of the trace headers, bytes of the whole body. */
const fixedBytes = 16;

/** The first message of a call, decoded. */
export interface OpenFrame {
  /** The client's number for the call. */
  readonly call: number;
  readonly deadlineMs: number;
  readonly head: unknown;
  readonly trace: TraceHeaders;
  /** A view of the body, empty when it follows in frames. */
  readonly body: Buffer;
  readonly bodyFollows: boolean;
  /** The server asks for it when it wants it. */
  readonly bodyPulled: boolean;
  readonly bodyBytes: number;
}

/** Encodes a call in one buffer; a body that does not fit inline is left to BODY frames. */
export function encodeOpen(request: OutgoingCall, call: number, bodyFollows: boolean): Buffer {
  const head = JSON.stringify(request.head);
  const trace = request.trace?.['traceparent'] === undefined ? '' : JSON.stringify(request.trace);
  const headLength = Buffer.byteLength(head);
  const traceLength = Buffer.byteLength(trace);
  const { body } = request;
  const pulled = isBodySource(body);
  const inline = bodyFollows || pulled ? 0 : body.length;
  const length = fixedBytes + headLength + traceLength + inline;
  const message = Buffer.allocUnsafe(headerBytes + length);
  const flags = (bodyFollows ? bodyFollowsFlag : 0) | (pulled ? bodyPulledFlag : 0);
  writeHeader(message, 0, { type: frameTypes.open, flags, sequence: 0, call }, length);
  let at = headerBytes;
  for (const value of [Math.min(request.deadlineMs, 0xffffffff), headLength, traceLength, body.length]) {
    at = message.writeUInt32LE(value, at);
  }
  at += message.write(head, at);
  if (traceLength > 0) at += message.write(trace, at);
  if (inline > 0 && !pulled) message.set(body, at);
  return message;
}

const noTrace: TraceHeaders = Object.freeze({});

/** Throws on anything that is not one whole OPEN frame. */
export function decodeOpen(message: Uint8Array): OpenFrame {
  const reader = new FrameReader(message);
  if (!reader.next() || reader.type !== frameTypes.open) throw new Error('not the opening frame of a call');
  const payload = reader.payload();
  if (payload.length < fixedBytes) throw new Error('the opening frame is cut off');
  const headEnd = fixedBytes + payload.readUInt32LE(4);
  const traceEnd = headEnd + payload.readUInt32LE(8);
  const bodyBytes = payload.readUInt32LE(12);
  const bodyFollows = (reader.flags & bodyFollowsFlag) !== 0;
  const bodyPulled = (reader.flags & bodyPulledFlag) !== 0;
  const body = payload.subarray(traceEnd);
  if (traceEnd > payload.length || (!bodyFollows && !bodyPulled && body.length !== bodyBytes)) {
    throw new Error('the lengths of the opening frame disagree');
  }
  return {
    call: reader.call,
    deadlineMs: payload.readUInt32LE(0),
    head: JSON.parse(payload.toString('utf8', fixedBytes, headEnd)),
    trace: traceEnd === headEnd ? noTrace : (JSON.parse(payload.toString('utf8', headEnd, traceEnd)) as TraceHeaders),
    body,
    bodyFollows,
    bodyPulled,
    bodyBytes,
  };
}
