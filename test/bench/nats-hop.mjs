// A NATS hop with binary frames and no feature: two processes, `ingress` and `worker`. What the bus costs at the least.
// Frame: one byte type, four bytes call id, then the payload. The head's payload is two bytes status and the content type.
import { createServer } from 'node:http';
import { connect } from '@nats-io/transport-node';
import { Agent, request as callUpstream } from 'undici';

const [role, servers, upstream] = process.argv.slice(2);
const subject = 'bench.chat';
const type = { head: 0, data: 1, end: 2, failed: 3 };

function frame(kind, id, payload) {
  const bytes = Buffer.allocUnsafe(5 + payload.length);
  bytes[0] = kind;
  bytes.writeUInt32LE(id, 1);
  payload.copy(bytes, 5);
  return bytes;
}

const none = Buffer.alloc(0);
const asBuffer = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

async function serveHttp(connection) {
  const mine = `bench.reply.${process.pid}`;
  /** @type {Map<number, import('node:http').ServerResponse>} */
  const calls = new Map();
  let lastId = 0;
  connection.subscribe(mine, {
    callback: (_error, message) => {
      const bytes = asBuffer(message.data);
      const id = bytes.readUInt32LE(1);
      const outgoing = calls.get(id);
      if (!outgoing) return;
      if (bytes[0] === type.head) outgoing.writeHead(bytes.readUInt16LE(5), { 'content-type': bytes.latin1Slice(7) });
      else if (bytes[0] === type.data) outgoing.write(bytes.subarray(5));
      else outgoing.end();
      if (bytes[0] >= type.end) calls.delete(id);
    },
  });
  const server = createServer((incoming, outgoing) => {
    const pieces = [];
    incoming.on('data', (piece) => pieces.push(piece));
    incoming.on('end', () => {
      lastId = (lastId + 1) >>> 0;
      calls.set(lastId, outgoing);
      connection.publish(subject, frame(type.head, lastId, Buffer.concat(pieces)), { reply: mine });
    });
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', 4096, () => process.send({ port: server.address().port }));
}

function serveCalls(connection) {
  const dispatcher = new Agent({ connections: null, pipelining: 1 });
  const headers = { 'content-type': 'application/json', authorization: 'Bearer bench' };
  connection.subscribe(subject, {
    queue: 'workers',
    callback: (_error, message) => {
      const bytes = asBuffer(message.data);
      const id = bytes.readUInt32LE(1);
      const say = (kind, payload) => connection.publish(message.reply, frame(kind, id, payload));
      callUpstream(`${upstream}/v1/chat/completions`, {
        dispatcher,
        method: 'POST',
        headers,
        body: bytes.subarray(5),
      }).then(
        ({ statusCode, headers: { 'content-type': contentType = '' }, body }) => {
          const head = Buffer.from(`  ${String(contentType)}`);
          head.writeUInt16LE(statusCode, 0);
          say(type.head, head);
          body.on('data', (piece) => say(type.data, piece));
          body.on('end', () => say(type.end, none));
          body.on('error', () => say(type.failed, none));
        },
        () => say(type.failed, none),
      );
    },
  });
}

const connection = await connect({ servers, noAsyncTraces: true });
if (role === 'ingress') {
  await serveHttp(connection);
} else {
  serveCalls(connection);
  await connection.flush();
  process.send({});
}
process.on('disconnect', () => process.exit(0));
