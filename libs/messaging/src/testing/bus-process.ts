// A process of its own at one end of a call, to be killed by a spec: `bus-process.ts serve|call <server> <subject>`.
import { setInterval as every } from 'node:timers/promises';
import type { IncomingCall } from '../bus.js';
import { connectNatsBus } from '../nats/connect-nats-bus.js';

const [role, server = '', subject = ''] = process.argv.slice(2);
const bus = await connectNatsBus({ servers: [server], name: 'bus-process', pingMs: 100, deadMs: 400, probeMs: 100 });

async function stream(call: IncomingCall): Promise<void> {
  call.accept({ pid: process.pid });
  call.sendHead({ status: 200, headers: {} });
  for await (const _ of every(10)) {
    if (call.signal.aborted) break;
    if (!call.write(Buffer.from('chunk '))) await call.writable();
  }
  call.end();
}

if (role === 'serve') {
  bus.serve(subject, 'q', (call) => void stream(call));
} else {
  const request = { subject, head: {}, body: Buffer.alloc(0), deadlineMs: 60_000 };
  const handle = bus.call(request, {
    onHead: () => {},
    onData: (chunk) => handle.grant(chunk.length),
    onEnd: () => {},
    onError: () => {},
  });
}
await bus.flush();
process.stdout.write('ready\n');
