// The unit of all ratios: a proxy of node:http and undici with no feature at all.
import { createServer } from 'node:http';
import { Agent, request as callUpstream } from 'undici';

const upstream = process.argv[2];
const dispatcher = new Agent({ connections: null, pipelining: 1 });

async function forward(body, incoming, outgoing) {
  const answer = await callUpstream(upstream + incoming.url, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: incoming.headers.authorization ?? '' },
    body,
  });
  const headers = { 'content-type': answer.headers['content-type'] };
  if (answer.headers['content-length']) headers['content-length'] = answer.headers['content-length'];
  outgoing.writeHead(answer.statusCode, headers);
  answer.body.on('data', (piece) => outgoing.write(piece));
  answer.body.on('end', () => outgoing.end());
  answer.body.on('error', () => outgoing.destroy());
  outgoing.on('close', () => answer.body.destroy());
}

const server = createServer((incoming, outgoing) => {
  const pieces = [];
  incoming.on('data', (piece) => pieces.push(piece));
  incoming.on('end', () => {
    forward(Buffer.concat(pieces), incoming, outgoing).catch((error) => outgoing.writeHead(502).end(String(error)));
  });
});
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 4096, () => process.send({ port: server.address().port }));
process.on('disconnect', () => process.exit(0));
