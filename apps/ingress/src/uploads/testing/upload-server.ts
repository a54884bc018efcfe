import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endpoints, GatewayError } from '#libs/contracts';
import { errorAnswer } from '../../http/error-answer.js';
import type { OpenedRequest, UploadedForm } from '../../inference/intake.js';
import type { SenderPace } from '../body-reader.js';
import { FormIntake } from '../form-intake.js';
import { UploadFolder } from '../upload-folder.js';
import { type SpaceLimits, spaceLimits } from '../upload-space.js';

/** The intake behind a bare HTTP server: what is read is handed to the test, which answers. */
export interface UploadServer {
  readonly url: string;
  readonly port: number;
  readonly intake: FormIntake;
  /** Errors that no caller could have caused. */
  readonly failures: unknown[];
  /** What the answer is made of; may read the body first. */
  use: (form: UploadedForm) => Promise<object> | object;
  /** Files in the upload folder now. */
  files(): string[];
  stop(): Promise<void>;
}

export interface UploadServerOptions {
  readonly pace?: Partial<SenderPace>;
  readonly space?: Partial<SpaceLimits>;
}

export async function startUploadServer(options: UploadServerOptions = {}): Promise<UploadServer> {
  const parent = await mkdtemp(join(tmpdir(), 'modapi-spec-'));
  const folder = await UploadFolder.open(parent);
  const failures: unknown[] = [];
  const fail = (fields: unknown): void => void failures.push(fields);
  const logger = { debug: fail, info: fail, warn: fail, error: fail };
  const intake = new FormIntake(
    folder,
    logger,
    { idleMs: 10_000, ...options.pace },
    { ...spaceLimits, ...options.space },
  );
  const server = createServer((raw, response) => void serve(raw, response));

  async function serve(raw: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const form = await intake.read(openedOf(raw, response));
      const { form: head, fileFacts, fingerprint } = form;
      const answer = JSON.stringify({ form: head, fileFacts, fingerprint, ...(await use.current(form)) });
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    } catch (error) {
      const known = GatewayError.from(error);
      if (known.code === 'internal_error') failures.push(error);
      const answer = errorAnswer(known);
      response.writeHead(answer.status, { ...answer.headers, connection: 'close' }).end(answer.body);
    }
  }

  const use: { current: UploadServer['use'] } = { current: () => ({}) };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    intake,
    failures,
    get use() {
      return use.current;
    },
    set use(next) {
      use.current = next;
    },
    files: () => readdirSync(folder.path),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      folder.onApplicationShutdown();
      await rm(parent, { recursive: true });
    },
  };
}

function openedOf(raw: IncomingMessage, response: ServerResponse): OpenedRequest {
  const endpoint = endpoints.find(({ path }) => path === raw.url);
  if (!endpoint) throw new GatewayError('unknown_url', 'no endpoint');
  const whenClosed = (closer: () => void): void => void response.once('close', closer);
  const organizationId = String(raw.headers['x-organization'] ?? 'org_1');
  const stand = { request: { raw, record: { whenClosed } }, endpoint, identity: { caller: { organizationId } } };
  return stand as unknown as OpenedRequest;
}
