import { Client } from 'undici';
import type { UpstreamRequest } from '../upstream.js';

/**
 * Connections to one provider. undici's own pool looks through all of its connections for each call, and opens a new
 * one for each that was aborted; here the next call takes the one that was used last, and an aborted one is gone.
 */
export class ConnectionLane {
  inFlight = 0;
  usedAt = performance.now();
  private readonly idle: Client[] = [];
  private readonly open = new Set<Client>();

  constructor(
    private readonly request: Pick<UpstreamRequest, 'origin' | 'timeouts'>,
    private readonly maxHeaderBytes: number,
  ) {}

  /** No call and no connection: nothing is lost with it. */
  get isEmpty(): boolean {
    return this.inFlight === 0 && this.open.size === 0;
  }

  take(): Client {
    return this.idle.pop() ?? this.connect();
  }

  /** The answer ended in good order: the next call may have the connection. */
  giveBack(client: Client): void {
    if (client.destroyed || !this.open.has(client)) return;
    this.idle.push(client);
  }

  /** Its connection is broken, or has half an answer on it. */
  drop(client: Client): void {
    this.open.delete(client);
    // Resolves when the socket is closed, which nobody waits for.
    void client.destroy();
  }

  async close(): Promise<void> {
    const clients = [...this.open];
    this.open.clear();
    this.idle.length = 0;
    await Promise.all(clients.map((client) => client.destroy()));
  }

  private connect(): Client {
    const client = new Client(this.request.origin, {
      pipelining: 1,
      allowH2: false,
      connect: { timeout: this.request.timeouts.connectMs },
      maxHeaderSize: this.maxHeaderBytes,
      // Shorter than what vendors' load balancers keep: a socket they close under us costs an attempt.
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
    });
    this.open.add(client);
    client.on('disconnect', () => {
      const index = this.idle.indexOf(client);
      // In use it connects again by itself.
      if (index < 0) return;
      this.idle.splice(index, 1);
      this.drop(client);
    });
    return client;
  }
}
