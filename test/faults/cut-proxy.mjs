// A TCP proxy between two processes, so that their connections can be cut, frozen or made slow.
import { createConnection, createServer } from 'node:net';

/**
 * @param {number} targetPort on 127.0.0.1
 */
export async function startCutProxy(targetPort) {
  const pairs = new Set();
  let latencyMs = 0;
  const server = createServer((inner) => {
    const outer = createConnection(targetPort, '127.0.0.1');
    const pair = { inner, outer };
    pairs.add(pair);
    const close = () => {
      inner.destroy();
      outer.destroy();
      pairs.delete(pair);
    };
    for (const socket of [inner, outer]) {
      socket.setNoDelay(true);
      socket.on('error', close);
      socket.on('close', close);
    }
    const relay = (from, to) =>
      from.on('data', (chunk) => {
        if (latencyMs === 0) to.write(chunk);
        else setTimeout(() => to.destroyed || to.write(chunk), latencyMs);
      });
    relay(inner, outer);
    relay(outer, inner);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return {
    port: server.address().port,
    /** Resets every connection, or a part of them. Returns how many. */
    cut(chooses = () => true) {
      const chosen = [...pairs].filter(chooses);
      for (const { inner, outer } of chosen) {
        inner.resetAndDestroy();
        outer.resetAndDestroy();
      }
      return chosen.length;
    },
    /** Stops passing bytes on; nothing is lost, the other side just seems to be silent. */
    freeze() {
      for (const { inner, outer } of pairs) for (const socket of [inner, outer]) socket.pause();
    },
    thaw() {
      for (const { inner, outer } of pairs) for (const socket of [inner, outer]) socket.resume();
    },
    delay(ms) {
      latencyMs = ms;
    },
    async close() {
      for (const { inner, outer } of pairs) for (const socket of [inner, outer]) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
