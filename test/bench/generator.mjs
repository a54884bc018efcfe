// The load: raw sockets, one call after the other on each, in its own process and not counted. Every answer is checked.
import { connect } from 'node:net';
import { AnswerReader, MarkerCounter } from './answer-reader.mjs';
import { contentMarker, doneMarker, unaryMarker } from './wire.mjs';

/**
 * @typedef {object} Load
 * @property {number} port
 * @property {Record<string, string>} headers
 * @property {string} body
 * @property {number} connections in flight
 * @property {number} [chunksPerCall] content events of a right stream; 0 or absent: not a stream
 * @property {number} [maxCalls]
 * @property {number} [seconds]
 * @property {number} [rampMs] connections begin spread over this time
 * @property {string} [path] chat completions when absent
 * @property {{ marker: string, count: number }} [whole] what a right answer in one piece has; that of chat when absent
 * @property {number} [bytes] of a right answer whose latency is that of its first byte
 * @property {number} [callsPerSecond] calls begin evenly spread; absent: as fast as they are answered
 */

const maxErrorsKept = 3;
const stallMs = 15_000;

function requestBytes({ port, headers, body, path = '/v1/chat/completions' }) {
  const lines = Object.entries({
    host: `127.0.0.1:${port}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'modapi-bench',
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

/** One connection: asks, checks the answer, asks again. */
class Caller {
  #run;
  #socket;
  #reader;
  #started = 0;
  #content = new MarkerCounter(contentMarker);
  #done = new MarkerCounter(doneMarker);
  #unary;
  #bytes = 0;
  #text = '';
  #timer;

  constructor(run) {
    this.#run = run;
    this.#unary = new MarkerCounter(Buffer.from(run.whole.marker));
    this.#open();
  }

  close() {
    clearTimeout(this.#timer);
    this.#socket.removeAllListeners();
    this.#socket.on('error', () => {});
    this.#socket.destroy();
  }

  #open() {
    this.#reader = new AnswerReader({
      onBody: (piece) => this.#onBody(piece),
      onEnd: (status, keepAlive) => this.#onEnd(status, keepAlive),
    });
    this.#socket = connect({ port: this.#run.load.port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('connect', () => this.#ask());
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', (error) => this.#lost(error.message));
    this.#socket.on('end', () => this.#lost('the server closed the connection in the middle of a call'));
  }

  #read(bytes) {
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.#lost(error.message);
    }
  }

  #lost(why) {
    // A server may close a connection between two calls.
    if (!this.#reader.isIdle || this.#started !== 0) this.#run.failed(why);
    this.close();
    if (this.#run.wantsMore()) setTimeout(() => this.#run.wantsMore() && this.#open(), 10);
    else this.#run.callerDone(this);
  }

  #ask() {
    if (!this.#run.wantsMore()) {
      this.close();
      this.#run.callerDone(this);
      return;
    }
    const waitMs = this.#run.nextTurnMs();
    if (waitMs > 0) this.#timer = setTimeout(() => this.#askNow(), waitMs);
    else this.#askNow();
  }

  #askNow() {
    this.#content.reset();
    this.#done.reset();
    this.#unary.reset();
    this.#text = '';
    this.#bytes = 0;
    this.#run.begun += 1;
    this.#started = performance.now();
    this.#socket.write(this.#run.bytes);
  }

  #onBody(piece) {
    if (this.#text.length < 300) this.#text += piece.latin1Slice(0, Math.min(300, piece.length));
    const { bytes } = this.#run.load;
    if (bytes !== undefined) {
      if (this.#bytes === 0) this.#run.took(performance.now() - this.#started);
      this.#bytes += piece.length;
      return;
    }
    if (this.#run.chunksPerCall === 0) {
      this.#unary.add(piece);
      return;
    }
    const before = this.#content.count;
    this.#content.add(piece);
    this.#done.add(piece);
    if (before === 0 && this.#content.count > 0) this.#run.took(performance.now() - this.#started);
    this.#run.chunks += this.#content.count - before;
  }

  #isRight() {
    const { chunksPerCall, load, whole } = this.#run;
    if (load.bytes !== undefined) return this.#bytes === load.bytes;
    if (chunksPerCall === 0) return this.#unary.count === whole.count;
    return this.#content.count === chunksPerCall && this.#done.count === 1;
  }

  #onEnd(status, keepAlive) {
    const { chunksPerCall, load } = this.#run;
    if (status === 200 && this.#isRight()) {
      this.#run.calls += 1;
      // A stream's latency is that of its first content; it was taken there.
      if (chunksPerCall === 0 && load.bytes === undefined) this.#run.took(performance.now() - this.#started);
    } else {
      this.#run.failed(`status ${status}, ${this.#content.count} chunks: ${this.#text.slice(0, 300)}`);
    }
    this.#started = 0;
    if (keepAlive) {
      this.#ask();
    } else {
      this.close();
      if (this.#run.wantsMore()) this.#open();
      else this.#run.callerDone(this);
    }
  }
}

/** One load from start to end. */
class Run {
  calls = 0;
  chunks = 0;
  begun = 0;
  errors = 0;
  #why = [];
  #latencies = [];
  #callers = new Set();
  #turns = 0;
  #endAt;
  #finished;

  /** @param {Load} load */
  constructor(load) {
    this.load = load;
    this.bytes = requestBytes(load);
    this.chunksPerCall = load.chunksPerCall ?? 0;
    this.whole = load.whole ?? { marker: unaryMarker, count: 4 };
    this.done = new Promise((resolve) => (this.#finished = resolve));
  }

  start() {
    const { connections, rampMs = 0, seconds = 3600 } = this.load;
    this.startedAt = performance.now();
    this.#endAt = this.startedAt + seconds * 1000;
    for (let index = 0; index < connections; index += 1) {
      if (rampMs === 0) this.#callers.add(new Caller(this));
      else setTimeout(() => this.wantsMore() && this.#callers.add(new Caller(this)), (rampMs * index) / connections);
    }
    let last = -1;
    this.watch = setInterval(() => {
      const now = this.calls + this.chunks;
      if (now === last) this.stop(`nothing came for ${stallMs / 1000} s`);
      last = now;
    }, stallMs);
  }

  /** Until the next call may begin, where the load has a pace. */
  nextTurnMs() {
    const { callsPerSecond } = this.load;
    if (callsPerSecond === undefined) return 0;
    const turn = this.#turns++;
    return this.startedAt + (turn * 1000) / callsPerSecond - performance.now();
  }

  wantsMore() {
    const { maxCalls = Infinity } = this.load;
    return (
      !this.stopped && !this.finishing && this.begun < maxCalls && this.errors < 1000 && performance.now() < this.#endAt
    );
  }

  took(ms) {
    if (this.#latencies.length < 400_000) this.#latencies.push(ms);
  }

  failed(why) {
    this.errors += 1;
    if (this.#why.length < maxErrorsKept) this.#why.push(why);
  }

  callerDone(caller) {
    this.#callers.delete(caller);
    if (this.#callers.size === 0) this.#finished();
  }

  finish() {
    this.finishing = true;
    // Each caller notices at its next call; one that has no call under way cannot.
    if (this.#callers.size === 0) this.#finished();
    void this.done.then(() => clearInterval(this.watch));
  }

  /** Ends now, also streams that are under way; those count neither as answers nor as errors. */
  stop(error) {
    if (error) this.failed(error);
    this.stopped = true;
    clearInterval(this.watch);
    for (const caller of this.#callers) caller.close();
    this.#finished();
  }

  /** Since the last look. */
  snapshot() {
    const { calls, chunks, errors } = this;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const result = { atMs: performance.now(), calls, chunks, errors, why: this.#why, p50Ms: at(0.5), p99Ms: at(0.99) };
    this.#latencies = [];
    return result;
  }
}

/** @type {Run | undefined} */
let run;

const commands = {
  /** Begins a load that goes on until `stop` or its own end. */
  start(load) {
    run = new Run(load);
    run.start();
    return {};
  },
  look: () => run.snapshot(),
  async wait() {
    await run.done;
    clearInterval(run.watch);
    return run.snapshot();
  },
  /** No new calls; those under way are finished. */
  async finish() {
    run.finish();
    await run.done;
    return run.snapshot();
  },
  stop() {
    run.stop();
    return run.snapshot();
  },
};

process.on('message', async ({ id, command, load }) => process.send({ id, result: await commands[command](load) }));
process.on('disconnect', () => process.exit(0));
process.send({});
