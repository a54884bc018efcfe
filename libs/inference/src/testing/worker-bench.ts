import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AttemptFinished,
  attemptFinishedSubject,
  type Endpoint,
  type FormFile,
  type InferenceCallHead,
  subjectOf,
} from '#libs/contracts';
import { type BodySource, type Bus, type CallError, type CallHandle, createInProcessBus } from '#libs/messaging';
import { type AppDefinition, type RunningApps, startApps } from '#libs/runtime';
import { ScriptedLedger } from './scripted-ledger.js';

/** What the caller saw. */
export interface Reply {
  status: number | undefined;
  headers: Record<string, string>;
  bytes: Buffer;
  /** The bytes as text. */
  body: string;
  /** Attempts that the worker announced. */
  notes: Record<string, unknown>[];
  trailer: unknown;
  error: CallError | undefined;
}

/** A file of a form with its content. */
export interface BenchFile extends Omit<FormFile, 'bytes'> {
  readonly bytes: Uint8Array;
}

/** One call as ingress makes it. Either `body` or `form`. */
export interface BenchCall {
  readonly endpoint: Endpoint;
  /** JSON: an object, or its text where the bytes matter. */
  readonly body?: Record<string, unknown> | string;
  readonly form?: {
    readonly fields: readonly { readonly name: string; readonly value: string }[];
    readonly files: readonly BenchFile[];
  };
  /** Sent in place of the bytes, as the worker reads it. */
  readonly bodySource?: BodySource;
  readonly facts?: InferenceCallHead['facts'];
  readonly mediaUrl?: string;
  readonly stream?: boolean;
  readonly requestId?: string;
  readonly deadlineMs?: number;
  readonly attemptsMade?: number;
  readonly hold?: InferenceCallHead['hold'];
  readonly price?: InferenceCallHead['price'];
  /** Given every chunk; returns how many bytes to grant. `handle.cancel(reason)` leaves the call. */
  onData?(chunk: Uint8Array, handle: CallHandle): number;
  /** Given the handle at once: to leave a call before it is answered. */
  onStart?(handle: CallHandle): void;
}

const caller: InferenceCallHead['caller'] = {
  keyId: 'key_1',
  organizationId: 'org_1',
  projectId: 'proj_1',
  scope: 'inference',
  operator: false,
  billingMode: 'postpaid',
};

/** A worker app on an in-process bus, with the usage events that it published. */
export class WorkerBench {
  readonly events: AttemptFinished[] = [];
  readonly ledger: ScriptedLedger;
  private requests = 0;

  private constructor(
    readonly bus: Bus,
    private readonly apps: RunningApps,
    private readonly folder: string,
  ) {
    this.ledger = new ScriptedLedger(bus);
  }

  /** `config` is modapi.yaml without its `apiVersion`. */
  static async start<Env>(
    app: AppDefinition<Env>,
    config: object,
    env: Record<string, string> = {},
  ): Promise<WorkerBench> {
    const folder = await mkdtemp(join(tmpdir(), `modapi-${app.name}-`));
    const file = join(folder, 'modapi.yaml');
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ apiVersion: 'modapi/v1', ...config }));
    const bus = createInProcessBus();
    const apps = await startApps([app as AppDefinition], {
      bus: () => bus,
      env: { MODAPI_CONFIG_FILE: file, LOG_LEVEL: 'error', ...env },
    });
    const bench = new WorkerBench(bus, apps, folder);
    await bus.consumeEvents({ subject: attemptFinishedSubject, durable: 'test', maxBatch: 10 }, async (batch) => {
      bench.events.push(...batch.map(({ event }) => event as AttemptFinished));
    });
    return bench;
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

  /** Calls as ingress does, and resolves when the call is over. */
  async call(options: BenchCall): Promise<Reply> {
    const reply: Reply = {
      ...{ status: undefined, headers: {}, bytes: Buffer.alloc(0), body: '' },
      ...{ notes: [], trailer: undefined, error: undefined },
    };
    const chunks: Buffer[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const handle: CallHandle = {
      grant: (bytes) => sent.grant(bytes),
      cancel: (reason) => {
        sent.cancel(reason);
        // Nothing more is heard of a call that was left.
        resolve();
      },
    };
    const sent = this.bus.call(this.outgoing(options), {
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
    options.onStart?.(handle);
    await promise;
    reply.bytes = Buffer.concat(chunks);
    reply.body = reply.bytes.toString();
    return reply;
  }

  private outgoing(options: BenchCall) {
    const { endpoint, form, hold = null, attemptsMade = 0, facts = {}, mediaUrl, price } = options;
    const text = typeof options.body === 'string' ? options.body : JSON.stringify(options.body ?? {});
    const parsed = JSON.parse(text) as Record<string, unknown>;
    const model = form ? form.fields.find(({ name }) => name === 'model')?.value : parsed['model'];
    const files = form?.files.map((file) => ({ ...file, bytes: file.bytes.length }));
    return {
      subject: subjectOf(endpoint),
      head: {
        ...{ requestId: options.requestId ?? this.nextRequestId(), endpoint: endpoint.id, model },
        ...{ stream: options.stream ?? parsed['stream'] === true, includeUsage: false },
        ...{ caller, attemptsMade, hold, facts },
        ...(price && { price }),
        ...(mediaUrl !== undefined && { mediaUrl }),
        ...(form ? { form: { fields: form.fields, files } } : { spans: { model: spanOf(text, 'model') } }),
      },
      body: options.bodySource ?? (form ? Buffer.concat(form.files.map(({ bytes }) => bytes)) : Buffer.from(text)),
      deadlineMs: options.deadlineMs ?? 20_000,
    };
  }
}

/** Byte range of the value of a top-level string member, as ingress finds it. */
function spanOf(text: string, key: string): [number, number] {
  const match = new RegExp(`"${key}"\\s*:\\s*`).exec(text);
  if (!match) throw new Error(`the body has no ${key}`);
  const start = match.index + match[0].length;
  const value = /^"(?:[^"\\]|\\.)*"/.exec(text.slice(start))?.[0] ?? '';
  const before = Buffer.byteLength(text.slice(0, start));
  return [before, before + Buffer.byteLength(value)];
}
