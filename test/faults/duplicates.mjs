// Events that were published once, published again: a redelivery that no broker would make on purpose.
import { connect } from '@nats-io/transport-node';

const remembered = 500;

/** @param {string} natsUrl past the proxy */
export async function startDuplicates(natsUrl) {
  const connection = await connect({ servers: natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 250 });
  const seen = [];
  let published = 0;
  connection.subscribe('usage.v1.>', {
    callback: (_error, message) => {
      seen.push({ subject: message.subject, data: message.data.slice() });
      if (seen.length > remembered) seen.shift();
    },
  });
  return {
    get published() {
      return published;
    },
    /** Without its message id, so that the broker takes it for a new one. */
    publish(random, count) {
      for (let index = 0; index < count && seen.length > 0; index++) {
        const { subject, data } = random.pick(seen);
        connection.publish(subject, data);
        published++;
      }
      return 0;
    },
    close: () => connection.close(),
  };
}
