import { Readable } from 'node:stream';
import type { Client, Dispatcher } from 'undici';
import type { UpstreamRequest } from '../upstream.js';
import { ConnectionLane } from './connection-lane.js';
import { SilenceWatch, type Watched } from './silence-watch.js';
import { UpstreamError, upstreamErrorOf } from './upstream-error.js';

/** Headers of an answer; names in lower case. */
export type UpstreamHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Where the answer of a call goes. Nothing follows `onEnd`, `onError` or an abort. */
export interface UpstreamSink {
  onHead(status: number, headers: UpstreamHeaders): void;
  /** False stops reading the socket until `resume`. */
  onData(chunk: Buffer): boolean;
  onEnd(): void;
  onError(error: UpstreamError): void;
}

export interface UpstreamHandle {
  resume(): void;
  /** Destroys the socket: a connection with half an answer on it is never used again. The sink hears nothing more. */
  abort(): void;
}

export interface EgressOptions {
  /** Calls in flight to one provider; beyond, a call fails at once instead of queueing. */
  readonly maxInFlight?: number;
  readonly maxHeaderBytes?: number;
  /** Origins whose connections are kept; beyond, those of the one that rests longest are closed. */
  readonly maxLanes?: number;
}

/** Longer than an idle connection lives. */
const emptyLaneMs = 60_000;

/**
 * The one way out of the house. HTTP/1.1 with keep-alive; follows no redirect, decodes nothing, shares no connection
 * between providers, and never sends to another origin than the request's own.
 */
export class EgressClient {
  private readonly lanes = new Map<string, ConnectionLane>();
  private readonly watch = new SilenceWatch();
  private readonly maxInFlight: number;
  private readonly maxHeaderBytes: number;
  private readonly maxLanes: number;

  constructor(options: EgressOptions = {}) {
    this.maxInFlight = options.maxInFlight ?? 8192;
    this.maxHeaderBytes = options.maxHeaderBytes ?? 32 * 1024;
    this.maxLanes = options.maxLanes ?? 256;
  }

  /** Every failure reaches `sink.onError`, never this call. */
  send(request: UpstreamRequest, sink: UpstreamSink): UpstreamHandle {
    const lane = this.laneOf(request);
    const exchange = new Exchange(request, sink, lane, this.watch);
    if (lane.inFlight > this.maxInFlight) {
      queueMicrotask(() => exchange.fail(new UpstreamError('saturated', 'MAX_IN_FLIGHT')));
    } else {
      exchange.start();
    }
    return exchange;
  }

  get laneCount(): number {
    return this.lanes.size;
  }

  /** Breaks what is still in flight. */
  async close(): Promise<void> {
    const lanes = [...this.lanes.values()];
    this.lanes.clear();
    await Promise.all(lanes.map((lane) => lane.close()));
  }

  private laneOf(request: UpstreamRequest): ConnectionLane {
    // A dialect may speak to several hosts of its vendor; a connection leads to one.
    const key = `${request.pool} ${request.origin}`;
    let lane = this.lanes.get(key);
    if (!lane) {
      this.prune();
      this.lanes.set(key, (lane = new ConnectionLane(request, this.maxHeaderBytes)));
    }
    lane.usedAt = performance.now();
    return lane;
  }

  /** Some vendors' stores of results have many hosts: each of them made a lane. */
  private prune(): void {
    const emptyBefore = performance.now() - emptyLaneMs;
    for (const [key, lane] of this.lanes) {
      if (lane.isEmpty && lane.usedAt < emptyBefore) this.lanes.delete(key);
    }
    if (this.lanes.size < this.maxLanes) return;
    const resting = [...this.lanes].filter(([, { inFlight }]) => inFlight === 0);
    const [oldest] = resting.toSorted(([, one], [, other]) => one.usedAt - other.usedAt);
    if (!oldest) return;
    this.lanes.delete(oldest[0]);
    // Resolves when its sockets are closed, which nobody waits for.
    void oldest[1].close();
  }
}

/** One call in flight. */
class Exchange implements Dispatcher.DispatchHandler, UpstreamHandle, Watched {
  limitMs = 0;
  silentMs = 0;
  private controller: Dispatcher.DispatchController | undefined;
  private client: Client | undefined;
  private over = false;

  constructor(
    private readonly request: UpstreamRequest,
    private readonly sink: UpstreamSink,
    private readonly lane: ConnectionLane,
    private readonly watch: SilenceWatch,
  ) {
    lane.inFlight++;
  }

  start(): void {
    const { path, method, headers, body, timeouts } = this.request;
    this.watch.add(this);
    this.client = this.lane.take();
    this.client.dispatch(
      {
        path,
        method: method ?? 'POST',
        headers: headers as string[],
        body,
        headersTimeout: timeouts.firstByteMs,
        // Silence in the body is watched here: the limit before its first piece is another one.
        bodyTimeout: 0,
      },
      this,
    );
  }

  resume(): void {
    if (this.over) return;
    this.silentMs = 0;
    this.limitMs = this.request.timeouts.idleMs;
    this.controller?.resume();
  }

  abort(): void {
    if (!this.over) this.settle(false);
  }

  fail(error: UpstreamError): void {
    if (this.over) return;
    this.settle(false);
    this.sink.onError(error);
  }

  silentTooLong(): void {
    this.fail(new UpstreamError('body_timeout', 'SILENT'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: UpstreamHeaders): void {
    if (this.over || status < 200) return;
    this.silentMs = 0;
    this.limitMs = this.request.timeouts.firstByteMs;
    this.sink.onHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    this.silentMs = 0;
    this.limitMs = this.request.timeouts.idleMs;
    if (this.sink.onData(chunk) || this.over) return;
    // A slow reader is not the upstream's silence.
    this.limitMs = 0;
    controller.pause();
  }

  onResponseEnd(): void {
    if (this.over) return;
    this.settle(true);
    this.sink.onEnd();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const { body } = this.request;
    const isOurs = body instanceof Readable && body.errored === error;
    this.fail(isOurs ? new UpstreamError('protocol', 'REQUEST_BODY') : upstreamErrorOf(error));
  }

  private settle(inGoodOrder: boolean): void {
    this.over = true;
    this.lane.inFlight--;
    this.watch.remove(this);
    const sent = this.endBody();
    if (!this.client) return;
    if (inGoodOrder && sent) this.lane.giveBack(this.client);
    else this.lane.drop(this.client);
  }

  /** False: the answer came before all of the body was sent, so the connection is in the middle of a request. */
  private endBody(): boolean {
    const { body } = this.request;
    if (!(body instanceof Readable) || body.readableEnded) return true;
    // undici may be about to destroy it with an error that has been reported here already.
    body.on('error', () => undefined);
    body.destroy();
    return false;
  }
}
