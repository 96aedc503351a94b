// Sends events with @fluent-org/logger and waits for an acknowledgement of
// each: node send.mjs PORT TAG MODE COUNT
// MODE: Message, Forward, PackedForward or CompressedPackedForward.
import logger from '@fluent-org/logger';

const [port, tag, mode, count] = process.argv.slice(2);
const client = new logger.FluentClient(null, {
  socket: { host: '127.0.0.1', port: Number(port), timeout: 10_000 },
  ack: { ackTimeout: 60_000 },
  eventMode: mode,
  sendQueueIntervalFlushMs: 5,
  ...(process.env.SHARED_KEY && {
    security: {
      clientHostname: 'e2e-client',
      sharedKey: process.env.SHARED_KEY,
      username: process.env.USERNAME,
      password: process.env.PASSWORD,
    },
  }),
});

let acknowledged = 0;
await Promise.all(
  Array.from({ length: Number(count) }, async (_, seq) => {
    const event = {
      seq,
      checksum: seq * 31 + 7,
      message: `event ${seq}, 丸太 ${seq % 10}`,
      ratio: seq / 8 + 0.5,
      tags: ['a', String(seq % 3)],
      nested: { even: seq % 2 === 0, none: null },
    };
    await client.emit(tag, event, new logger.EventTime(1795392000 + (seq % 7200), 123456789));
    acknowledged++;
  }),
);
await client.disconnect();
console.log(`acknowledged ${acknowledged}`);
