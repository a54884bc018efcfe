import { Buffer } from 'node:buffer';
import type { Bus, CallError, CallHandle, IncomingCall, OutgoingCall, ReplyHead, ReplySink, Server } from '../bus.js';

/** A call whose reply is written down; rejects nothing: `finished` resolves on any end. */
export interface RecordedCall {
  readonly handle: CallHandle;
  /** What the sink heard, in order: `note`, `head`, `data`, `end`, `error`, `abandoned`. */
  readonly heard: string[];
  readonly notes: unknown[];
  /** Told with `abandoned`. */
  lateNotes: readonly unknown[];
  readonly chunks: Buffer[];
  head: ReplyHead | undefined;
  trailer: unknown;
  error: CallError | undefined;
  /** Bytes of data so far. */
  received: number;
  readonly finished: Promise<void>;
  /** Resolves at the first occurrence of an entry of `heard`. */
  reached(what: string): Promise<void>;
}

export interface RecordOptions {
  /** False: the reader takes nothing in, and the writer's window runs dry. */
  readonly grants?: boolean;
  readonly keepsData?: boolean;
}

/** Fills in what most tests do not care about. */
export function callTo(subject: string, more: Partial<OutgoingCall> = {}): OutgoingCall {
  return { subject, head: {}, body: Buffer.alloc(0), deadlineMs: 30_000, ...more };
}

export function record(bus: Bus, request: OutgoingCall, options: RecordOptions = {}): RecordedCall {
  const { promise, resolve } = Promise.withResolvers<void>();
  const waiters = new Map<string, () => void>();
  const hear = (what: string): void => {
    recorded.heard.push(what);
    waiters.get(what)?.();
  };
  const sink: ReplySink = {
    onNote: (note) => {
      recorded.notes.push(note);
      hear('note');
    },
    onHead: (head) => {
      recorded.head = head;
      hear('head');
    },
    onData: (chunk) => {
      if (options.keepsData !== false) recorded.chunks.push(Buffer.from(chunk));
      recorded.received += chunk.length;
      hear('data');
      if (options.grants !== false) recorded.handle.grant(chunk.length);
    },
    onEnd: (trailer) => {
      recorded.trailer = trailer;
      hear('end');
      resolve();
    },
    onError: (error) => {
      recorded.error = error;
      hear('error');
      resolve();
    },
    onAbandoned: (lateNotes) => {
      recorded.lateNotes = lateNotes;
      hear('abandoned');
    },
  };
  const recorded: RecordedCall = {
    handle: { grant: () => {}, cancel: () => {} },
    ...{
      heard: [],
      notes: [],
      lateNotes: [],
      chunks: [],
      head: undefined,
      trailer: undefined,
      error: undefined,
      received: 0,
    },
    finished: promise,
    reached: (what) =>
      recorded.heard.includes(what) ? Promise.resolve() : new Promise((done) => waiters.set(what, done)),
  };
  return Object.assign(recorded, { handle: bus.call(request, sink) });
}

/** Serves, and returns when calls from other processes reach it. */
export async function serve(
  bus: Bus,
  subject: string,
  queue: string,
  handler: (call: IncomingCall) => void,
): Promise<Server> {
  const server = bus.serve(subject, queue, handler);
  await bus.flush();
  return server;
}
