import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { openCallLog } from './call-log.js';
import { createModelServer } from './http/model-server.js';

export interface SandboxOptions {
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port?: number | undefined;
  /** A file that each call is written to at its start and at its end. */
  readonly callLog?: string | undefined;
  /** Milliseconds before the first chunk and between two, for the models that have a pace; `sandbox/fast` never has. */
  readonly chunkDelayMs?: number | undefined;
}

export interface RunningSandbox {
  /** `http://127.0.0.1:41234`; the API is under `/v1`. */
  readonly url: string;
  /** Ends every call and connection. Idempotent. */
  close(): Promise<void>;
}

/** Starts a sandbox model server. */
export async function startSandbox(options: SandboxOptions = {}): Promise<RunningSandbox> {
  const { host = '127.0.0.1', port = 0 } = options;
  const callLog = openCallLog(options.callLog);
  const server = createModelServer({ callLog, chunkDelayMs: options.chunkDelayMs });
  server.listen({ host, port, backlog: 4096 });
  try {
    await once(server, 'listening');
  } catch (error) {
    callLog.close();
    throw error;
  }
  const bound = (server.address() as AddressInfo).port;
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
    callLog.close();
  };
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}
