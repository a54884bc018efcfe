import { describe, expect, it } from '@jest/globals';
import type { Logger } from '#libs/telemetry';
import { KeptServer } from './kept-server.js';

const ignore = (): void => undefined;
const logger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

class FakeServer {
  stopped = false;
  private readonly end = Promise.withResolvers<string>();
  readonly exited = this.end.promise;

  die(): void {
    this.end.resolve('SIGKILL');
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.end.resolve('exit code 0');
  }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
};

describe('a kept server', () => {
  it('is started again each time it dies', async () => {
    const servers = [new FakeServer(), new FakeServer(), new FakeServer()];
    let started = 0;
    const kept = new KeptServer(servers[0]!, async () => servers[++started]!);
    kept.watch(logger);
    servers[0]!.die();
    await turns();
    servers[1]!.die();
    await turns();
    expect(started).toBe(2);
    await kept.stop();
    expect(servers[2]!.stopped).toBe(true);
  });

  it('is tried again when a restart fails', async () => {
    const [first, second] = [new FakeServer(), new FakeServer()];
    let tries = 0;
    const running = Promise.withResolvers<void>();
    const start = async (): Promise<FakeServer> => {
      if (++tries < 3) throw new Error('the port is in use');
      running.resolve();
      return second;
    };
    const kept = new KeptServer(first, start, 1);
    kept.watch(logger);
    first.die();
    await running.promise;
    await kept.stop();
    expect([tries, second.stopped]).toEqual([3, true]);
  });

  it('leaves no server behind when it is stopped during a restart', async () => {
    const [first, second] = [new FakeServer(), new FakeServer()];
    const starting = Promise.withResolvers<FakeServer>();
    const kept = new KeptServer(first, () => starting.promise);
    kept.watch(logger);
    first.die();
    await turns();
    const stopped = kept.stop();
    starting.resolve(second);
    await stopped;
    expect(second.stopped).toBe(true);
  });

  it('is stopped at once while it waits for the next try', async () => {
    const first = new FakeServer();
    let tries = 0;
    const start = async (): Promise<FakeServer> => {
      tries++;
      throw new Error('no space left');
    };
    const kept = new KeptServer(first, start, 60_000);
    kept.watch(logger);
    first.die();
    await turns();
    await kept.stop();
    expect(tries).toBe(1);
  });
});
