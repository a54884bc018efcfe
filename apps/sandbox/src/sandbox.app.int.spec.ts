import { describe, expect, it } from '@jest/globals';
import { startApps } from '#libs/runtime';
import { sandboxApp } from './sandbox.app.js';
import { startSandbox } from './start-sandbox.js';

describe('sandboxApp', () => {
  it('serves from start to stop, without a bus', async () => {
    const free = await startSandbox();
    const { port } = new URL(free.url);
    await free.close();
    const running = await startApps([sandboxApp], { env: { MODAPI_SANDBOX_PORT: port, LOG_LEVEL: 'error' } });
    const url = `http://127.0.0.1:${port}/healthz`;
    expect((await fetch(url)).status).toBe(200);
    await running.stop();
    await expect(fetch(url)).rejects.toThrow();
  });

  it('tells in one line that its port is taken', async () => {
    const other = await startSandbox();
    const { port } = new URL(other.url);
    const starting = startApps([sandboxApp], { env: { MODAPI_SANDBOX_PORT: port, LOG_LEVEL: 'error' } });
    await expect(starting).rejects.toThrow(new RegExp(`the sandbox cannot serve on 127.0.0.1:${port}: .*EADDRINUSE`));
    await other.close();
  });
});
