// A process of its own at one end of a call, to be killed by a spec: `bus-process.ts serve|call|send <server> <subject>`.
import { setInterval as every } from 'node:timers/promises';
import type { IncomingCall } from '../bus.js';
import { connectNatsBus } from '../nats/connect-nats-bus.js';
import { MadeSource } from './made-source.js';

const [role, server = '', subject = ''] = process.argv.slice(2);
const bus = await connectNatsBus({ servers: [server], name: 'bus-process', pingMs: 100, deadMs: 400, probeMs: 100 });

/** A server of bodies: reads until it is killed. */
async function swallow(call: IncomingCall): Promise<void> {
  for await (const _ of call.openBody()) continue;
  call.end();
}

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
  bus.serve(subject, 'q', (call) => void (call.bodyBytes > 0 ? swallow(call) : stream(call)));
} else {
  const body = role === 'send' ? new MadeSource(2 ** 32 - 1) : Buffer.alloc(0);
  const request = { subject, head: {}, body, deadlineMs: 60_000 };
  const handle = bus.call(request, {
    onHead: () => {},
    onData: (chunk) => handle.grant(chunk.length),
    onEnd: () => {},
    onError: () => {},
  });
}
await bus.flush();
process.stdout.write('ready\n');
