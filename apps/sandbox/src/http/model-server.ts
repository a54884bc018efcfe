import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mediaModels } from '../media-models.js';
import { findModel, sandboxModels } from '../served-models.js';
import { WireError } from '../wire-error.js';
import { chatEndpoint, type ChatEndpointOptions, modelNotFound } from './chat-endpoint.js';
import { embeddingsEndpoint } from './embeddings-endpoint.js';
import { HttpCall } from './http-call.js';
import { rerankEndpoint } from './rerank-endpoint.js';
import { ImagesEndpoint } from './images-endpoint.js';
import { speechEndpoint } from './speech-endpoint.js';
import { transcriptionEndpoint } from './transcription-endpoint.js';

interface Route {
  readonly method: string;
  matches(path: string): boolean;
  readonly handle: (call: HttpCall) => void | Promise<void>;
}

const modelsPath = '/v1/models';
// Fixed, so that two starts list the same models.
const createdAt = 1_767_225_600;
// Longer than any client keeps an idle socket: a server that closes first makes the next call fail by chance.
const keepAliveMs = 120_000;

/** The HTTP server of the sandbox; not yet listening. */
export function createModelServer(options: ChatEndpointOptions): Server {
  const routes = routesOf(options);
  const server = createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    // All its failures become answers.
    void handle(routes, request, response);
  });
  server.on('clientError', (_, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });
  return server;
}

function routesOf(options: ChatEndpointOptions): Route[] {
  const images = new ImagesEndpoint(options.callLog);
  return [
    { method: 'POST', matches: (path) => path === '/v1/chat/completions', handle: chatEndpoint(options) },
    { method: 'POST', matches: (path) => path === '/v1/embeddings', handle: embeddingsEndpoint(options) },
    { method: 'POST', matches: (path) => path === '/v1/rerank', handle: rerankEndpoint(options) },
    { method: 'POST', matches: (path) => path === '/v1/audio/speech', handle: speechEndpoint(options.callLog) },
    {
      method: 'POST',
      matches: (path) => path === '/v1/audio/transcriptions' || path === '/v1/audio/translations',
      handle: transcriptionEndpoint(options.callLog),
    },
    {
      method: 'POST',
      matches: (path) => /^\/v1\/images\/(generations|edits|variations)$/.test(path),
      handle: (call) => images.create(call),
    },
    { method: 'GET', matches: (path) => path.startsWith('/v1/images/files/'), handle: (call) => images.show(call) },
    { method: 'GET', matches: (path) => path === modelsPath, handle: listModels },
    { method: 'GET', matches: (path) => path.startsWith(`${modelsPath}/`), handle: showModel },
    { method: 'GET', matches: (path) => path === '/healthz', handle: (call) => call.sendJson(200, '{"status":"ok"}') },
  ];
}

async function handle(routes: readonly Route[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const call = new HttpCall(request, response);
  // A write to a socket that has just gone is told here as well; the call ends by its 'close'.
  response.on('error', () => undefined);
  try {
    await findRoute(routes, call).handle(call);
  } catch (error) {
    // A client that left while it was still sending gets no answer.
    if (request.errored !== null) return;
    const wire = error instanceof WireError ? error : unexpected(error);
    request.resume();
    call.sendJson(wire.status, wire.toJson(), wire.headers);
  }
}

function findRoute(routes: readonly Route[], call: HttpCall): Route {
  const { path } = call;
  const { method = 'GET' } = call.request;
  const onPath = routes.filter((route) => route.matches(path));
  const route = onPath.find((candidate) => candidate.method === method);
  if (route !== undefined) return route;
  const [other] = onPath;
  if (other === undefined)
    throw new WireError(404, { message: `Invalid URL (${method} ${path})`, code: 'unknown_url' });
  throw new WireError(
    405,
    { message: `Not allowed to ${method} on ${path}.`, code: 'method_not_allowed' },
    { allow: other.method },
  );
}

function unexpected(error: unknown): WireError {
  const reason = error instanceof Error ? error.message : String(error);
  return new WireError(500, { message: `The sandbox failed: ${reason}`, type: 'server_error', code: 'internal_error' });
}

function wireModel(id: string): Record<string, string | number> {
  return { id, object: 'model', created: createdAt, owned_by: 'modapi-sandbox' };
}

function listModels(call: HttpCall): void {
  call.sendJson(
    200,
    JSON.stringify({ object: 'list', data: [...sandboxModels, ...mediaModels].map((model) => wireModel(model.id)) }),
  );
}

function showModel(call: HttpCall): void {
  const name = decode(call.path.slice(modelsPath.length + 1));
  if (findModel(name) === undefined && !mediaModels.some(({ id }) => id === name)) throw modelNotFound(name);
  call.sendJson(200, JSON.stringify(wireModel(name)));
}

/** SDKs send `sandbox%2Fchat`. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
