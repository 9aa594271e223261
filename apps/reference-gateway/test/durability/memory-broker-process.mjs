// node memory-broker-process.mjs PORT GATEWAY_URL API_KEY: what is usual. A broker that keeps everything in memory acknowledges
// at once, and a consumer hands on to the gateway what it has acknowledged. SIGTERM: hands on the rest, then ends.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const [port, url, apiKey] = process.argv.slice(2);
const waiting = [];
let wake = () => {};
let ending = false;

const broker = await Aedes.createBroker();
broker.subscribe('wattproof/v1/+/readings', (packet, acknowledged) => {
  waiting.push(packet.payload);
  acknowledged();
  wake();
});
const server = createServer(broker.handle);
server.listen(Number(port), '127.0.0.1', () => process.stdout.write('broker is ready\n'));
process.once('SIGTERM', () => {
  ending = true;
  wake();
});

for (;;) {
  const body = waiting[0];
  if (body === undefined) {
    if (ending) process.exit(0);
    await new Promise((resolve) => (wake = resolve));
    continue;
  }
  const response = await fetch(`${url}/api/v1/readings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
    body,
  });
  await response.arrayBuffer();
  if (response.ok) waiting.shift();
}
