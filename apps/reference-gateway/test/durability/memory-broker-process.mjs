// node memory-broker-process.mjs PORT GATEWAY_URL API_KEY: what is usual. A broker that keeps everything in memory acknowledges
// at once, and a consumer hands on to the gateway what it has acknowledged. Its parent hears when it is ready. SIGTERM: hands on
// the rest, then ends. The message `keep`: hands on nothing more, and says when a device was told that something kept is taken.
import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const [port, url, apiKey] = process.argv.slice(2);
const waiting = [];
const kept = new Set();
let wake = () => {};
let ending = false;
let keeping = false;

const broker = await Aedes.createBroker();
broker.subscribe('wattproof/v1/+/readings', ({ topic, payload }, acknowledged) => {
  waiting.push(payload);
  acknowledged();
  wake();
  if (!keeping) return;
  // A device sends its next message when it has heard of the one before.
  if (kept.has(topic)) process.send('full');
  kept.add(topic);
});
const server = createServer(broker.handle);
server.listen(Number(port), '127.0.0.1', () => process.send('ready'));
process.once('message', () => (keeping = true));
process.once('SIGTERM', () => {
  ending = true;
  wake();
});

for (;;) {
  const body = keeping ? undefined : waiting[0];
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
