import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A bare TCP connection: for what no HTTP client would send. */
export class RawClient {
  private received = '';
  private ended = false;
  private wake: (() => void) | undefined;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.wake?.();
    });
    const end = (): void => {
      this.ended = true;
      this.wake?.();
    };
    socket.on('close', end);
    socket.on('end', end);
    socket.on('error', end);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Resolves once `done` says so of what was received, or the connection ended. */
  async until(done: (text: string) => boolean): Promise<string> {
    while (!this.ended && !done(this.received)) await new Promise<void>((resolve) => (this.wake = resolve));
    return this.received;
  }

  /** What was received and not looked at yet. */
  take(): string {
    const text = this.received;
    this.received = '';
    return text;
  }

  async closed(): Promise<string> {
    return this.until(() => false);
  }

  /** The next whole answer with a content length. */
  async answer(): Promise<RawAnswer> {
    await this.until((text) => wholeAnswer(text) !== undefined);
    const answer = wholeAnswer(this.received);
    if (!answer) throw new Error(`no answer in ${JSON.stringify(this.received)}`);
    this.received = this.received.slice(answer.length);
    return answer;
  }

  close(): void {
    this.socket.destroy();
  }
}

function wholeAnswer(text: string): (RawAnswer & { length: number }) | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const length = headEnd + 4 + Number(headers['content-length'] ?? 0);
  if (text.length < length) return undefined;
  const body = Buffer.from(text.slice(headEnd + 4, length), 'latin1').toString();
  return { status: Number(statusLine.split(' ')[1]), headers, body, length };
}
