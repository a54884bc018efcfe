import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AttemptFinished,
  attemptFinishedSubject,
  chatCompletions,
  type InferenceCallHead,
  subjectOf,
} from '#libs/contracts';
import { type Bus, CallError, type CallHandle, createInProcessBus } from '#libs/messaging';
import { type RunningApps, startApps } from '#libs/runtime';
import { ScriptedLedger } from '../../../../libs/inference/src/testing/scripted-ledger.js';
import { textApp } from '../text-app.js';

export interface Reply {
  status: number | undefined;
  headers: Record<string, string>;
  body: string;
  notes: Record<string, unknown>[];
  trailer: unknown;
  error: CallError | undefined;
}

export interface CallOptions {
  readonly requestId?: string;
  readonly deadlineMs?: number;
  readonly attemptsMade?: number;
  readonly hold?: InferenceCallHead['hold'];
  readonly price?: InferenceCallHead['price'];
  readonly trace?: Record<string, string>;
  /** Given every chunk; returns how many bytes to grant. */
  onData?(chunk: Uint8Array, handle: CallHandle): number;
}

/** The text app on an in-process bus, with the usage events that it published. */
export class TextWorker {
  readonly events: AttemptFinished[] = [];
  /** That came with them, in the same order. */
  readonly traceparents: (string | undefined)[] = [];
  readonly ledger: ScriptedLedger;
  private requests = 0;

  private constructor(
    readonly bus: Bus,
    private readonly apps: RunningApps,
    private readonly folder: string,
  ) {
    this.ledger = new ScriptedLedger(bus);
  }

  static async start(config: object, env: Record<string, string> = {}): Promise<TextWorker> {
    const folder = await mkdtemp(join(tmpdir(), 'modapi-text-'));
    const file = join(folder, 'modapi.yaml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ apiVersion: 'modapi/v1', ...config }));
    const bus = createInProcessBus();
    const apps = await startApps([textApp], {
      bus: () => bus,
      env: { MODAPI_CONFIG_FILE: file, LOG_LEVEL: 'error', ...env },
    });
    const worker = new TextWorker(bus, apps, folder);
    await bus.consumeEvents({ subject: attemptFinishedSubject, durable: 'test', maxBatch: 10 }, async (batch) => {
      worker.events.push(...batch.map(({ event }) => event as AttemptFinished));
      worker.traceparents.push(...batch.map(({ trace }) => trace['traceparent']));
    });
    return worker;
  }

  async stop(): Promise<void> {
    await this.apps.stop();
    await rm(this.folder, { recursive: true });
  }

  /** Events of one request, oldest first. */
  eventsOf(requestId: string): AttemptFinished[] {
    return this.events.filter((event) => event.request_id === requestId);
  }

  nextRequestId(): string {
    return `req_${++this.requests}`;
  }

  /** Calls as ingress does. */
  async call(body: Record<string, unknown>, options: CallOptions = {}): Promise<Reply> {
    const reply: Reply = { status: undefined, headers: {}, body: '', notes: [], trailer: undefined, error: undefined };
    const chunks: Buffer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const handle = this.bus.call(this.outgoing(body, options), {
      onNote: (note) => reply.notes.push(note as Record<string, unknown>),
      onHead: ({ status, headers }) => Object.assign(reply, { status, headers }),
      onData: (data) => {
        chunks.push(Buffer.from(data));
        handle.grant(options.onData ? options.onData(data, handle) : data.length);
      },
      onEnd: (trailer) => {
        reply.trailer = trailer;
        resolve();
      },
      onError: (error) => {
        reply.error = error;
        resolve();
      },
    });
    await promise;
    reply.body = Buffer.concat(chunks).toString();
    return reply;
  }

  outgoing(body: Record<string, unknown>, options: CallOptions) {
    const text = JSON.stringify(body);
    const streamOptions = body['stream_options'] as { include_usage?: boolean } | undefined;
    const span = (key: string): [number, number] => {
      const value = JSON.stringify(body[key]);
      const start = Buffer.byteLength(text.slice(0, text.indexOf(`"${key}":${value}`))) + key.length + 3;
      return [start, start + Buffer.byteLength(value)];
    };
    return {
      subject: subjectOf(chatCompletions),
      head: {
        requestId: options.requestId ?? this.nextRequestId(),
        endpoint: chatCompletions.id,
        model: body['model'],
        stream: body['stream'] === true,
        includeUsage: streamOptions?.include_usage === true,
        caller: {
          ...callerIds,
          scope: 'inference',
          billingMode: 'postpaid',
        },
        attemptsMade: options.attemptsMade ?? 0,
        hold: options.hold ?? null,
        ...(options.price && { price: options.price }),
        spans: { model: span('model'), ...(streamOptions && { streamOptions: span('stream_options') }) },
      },
      body: Buffer.from(text),
      deadlineMs: options.deadlineMs ?? 20_000,
      ...(options.trace && { trace: options.trace }),
    };
  }
}

const callerIds = { keyId: 'key_1', organizationId: 'org_1', projectId: 'proj_1' };
