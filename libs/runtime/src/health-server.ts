import { createServer } from 'node:http';
import type { Bus } from '#libs/messaging';
import { StartError } from './start-error.js';

/** Health of a process without an HTTP door of its own. */
export interface HealthServer {
  readonly port: number;
  /** `/readyz` answers 503 from now on. */
  beginDrain(): void;
  close(): Promise<void>;
}

/** `/healthz`: the process answers. `/readyz`: its bus is connected and it is not stopping. */
export async function startHealthServer(host: string, port: number, bus: Bus): Promise<HealthServer> {
  let draining = false;
  const server = createServer((request, response) => {
    const ready = !draining && bus.connected;
    const status = statusOf(request.url, ready);
    response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify({ status: status === 200 ? 'ok' : 'unavailable' }));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, resolve)).catch(
    (error: NodeJS.ErrnoException) => {
      throw new StartError([`MODAPI_HEALTH_PORT: cannot listen on ${host}:${port} (${error.code})`]);
    },
  );
  server.unref();
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    beginDrain: () => {
      draining = true;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function statusOf(url: string | undefined, ready: boolean): number {
  if (url === '/healthz') return 200;
  if (url === '/readyz') return ready ? 200 : 503;
  return 404;
}
