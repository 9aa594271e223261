/**
 * The same durable readings over HTTP and over MQTT QoS 1 to the embedded broker, on PostgreSQL with fsync, with 256 in
 * flight; beside them mosquitto alone, which acknowledges what it has in memory. What counts is the ratio to HTTP of the same
 * run. Options: --quick, --only=TEXT; --idle[=10000]: connections that say nothing, and what they cost; --storm: what others
 * notice of senders that misbehave. Needs Linux.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { closedLoop, request } from './http-load.mjs';
import { quantile, round } from './measure.mjs';
import { freePort, startMosquitto } from './mosquitto-alone.mjs';
import { closedMqttLoop, MqttConnection, publishPacket } from './mqtt-load.mjs';
import { FORMS, ReadingSource } from './reading-messages.mjs';
import { startSystem } from './system-under-load.mjs';

const METERS = 200;
const IN_FLIGHT = 256;
/** Of MQTT: eight messages of each connection wait at a time. */
const MQTT_CONNECTIONS = 32;
const BATCHES_IN_FLIGHT = 32;

const LOADS = [
  { form: 'single', signed: false },
  { form: 'single', signed: true },
  { form: 'array of 100', signed: true, only: 'HTTP' },
  { form: 'signed batch of 100', signed: true },
];
/** MQTT against HTTP: what, against what, at least. */
const CLAIMS = [
  ['single', 'single', 0.8],
  ['single', 'array of 100', 0.3],
  ['signed batch of 100', 'signed batch of 100', 0.8],
];

export const name = 'durable ingestion over MQTT beside HTTP and beside a broker in memory';

const option = (found) => process.argv.find((argument) => argument.startsWith(found));
const valueOf = (found, otherwise) => Number(option(found)?.split('=')[1] ?? otherwise);
const QUICK = option('--quick') !== undefined;
const ROUNDS = QUICK ? 1 : 3;
const perRound = (form) => (QUICK ? 2_000 : form === 'single' ? 6_000 : 12_000);

export async function run() {
  const port = await freePort();
  const system = await startSystem({
    meters: METERS,
    transports: {
      mqtt: {
        use: '@wattproof/transport-mqtt',
        // Nobody is throttled.
        listen: {
          port,
          anonymous: true,
          limits: { connectsPerSecond: 1e6, connectsPerAddressPerMinute: 1e7 },
        },
      },
      ws: { use: '@wattproof/transport-ws', anonymous: true },
    },
  });
  const mosquitto = await startMosquitto();
  try {
    const source = new ReadingSource(system.fleet);
    const context = { system, source, port, mosquitto };
    await closedLoop(system.url, asRequests(system.url, FORMS.single(source, 1_000, true)), {
      connections: 16,
    });
    if (option('--idle')) return [await idle(context)];
    if (option('--storm')) return await storm(context);
    return await beside(context);
  } catch (error) {
    console.error(system.output().slice(-4_000));
    throw error;
  } finally {
    await mosquitto?.stop();
    await system.stop();
  }
}

// --- MQTT beside HTTP ------------------------------------------------------------------------------------------------

async function beside(context) {
  const only = option('--only=')?.slice('--only='.length);
  const rounds = [];
  for (let i = 0; i < ROUNDS; i += 1)
    for (const load of LOADS)
      if (only === undefined || load.form.startsWith(only))
        for (const way of ['HTTP', 'MQTT', 'mosquitto alone'])
          if (load.only === undefined || load.only === way) {
            const found = await WAYS[way](context, load);
            if (found !== undefined) rounds.push({ ...load, way, ...found });
          }
  const rows = [];
  for (const { form, signed } of LOADS)
    for (const way of ['HTTP', 'MQTT', 'mosquitto alone']) {
      const mine = rounds.filter(
        (one) => one.form === form && one.signed === signed && one.way === way,
      );
      if (mine.length > 0) rows.push(row(mine));
    }
  const rateOf = (form, signed, way) =>
    rows.find((one) => one.form === form && one.signed === signed && one.way === way)
      ?.readingsPerSecond;
  for (const [form, against, target] of CLAIMS) {
    const mqtt = rateOf(form, true, 'MQTT');
    const http = rateOf(against, true, 'HTTP');
    if (mqtt !== undefined && http !== undefined)
      rows.push({
        form: `${form}, MQTT ÷ HTTP ${against}`,
        signed: true,
        way: 'ratio',
        ratio: round(mqtt / http),
        target,
      });
  }
  if (context.mosquitto === undefined)
    rows.push({ form: 'mosquitto is not installed', way: 'apt-get install mosquitto' });
  return rows;
}

const WAYS = {
  async HTTP(context, { form, signed }) {
    const messages = FORMS[form](context.source, perRound(form), signed);
    const connections = form === 'single' ? IN_FLIGHT : BATCHES_IN_FLIGHT;
    const requests = asRequests(context.system.url, messages);
    return durable(context.system, messages, () =>
      closedLoop(context.system.url, requests, { connections }),
    );
  },
  async MQTT(context, { form, signed }) {
    const messages = FORMS[form](context.source, perRound(form), signed);
    return durable(context.system, messages, () =>
      closedMqttLoop(context.port, asPackets(messages), lanes(form)),
    );
  },
  async 'mosquitto alone'(context, { form, signed }) {
    if (context.mosquitto === undefined) return undefined;
    const messages = FORMS[form](context.source, perRound(form), signed);
    const ran = await closedMqttLoop(context.mosquitto.port, asPackets(messages), lanes(form));
    return { rate: (ran.requests * messages[0].readings) / ran.seconds, ...ran };
  },
};

const lanes = (form) => ({
  connections: MQTT_CONNECTIONS,
  inFlight: (form === 'single' ? IN_FLIGHT : BATCHES_IN_FLIGHT) / MQTT_CONNECTIONS,
});
const asRequests = (url, messages) =>
  messages.map((message) => request(url, { path: '/api/v1/readings', ...message }));
const asPackets = (messages) =>
  messages.map(({ body }) => publishPacket(`wattproof/v1/${meterOf(body)}/readings`, body));
const meterOf = (body) => /"meter":"([^"]+)"/.exec(body)[1];

/** What was acknowledged is in the database, or the figures mean nothing. */
async function durable(system, messages, load) {
  const stored = async () =>
    Number(
      (await system.sql.query(`SELECT count(*) AS n FROM entry WHERE source = 'external'`))[0].n,
    );
  const before = await stored();
  const cpu = await system.cpuSeconds();
  const ran = await load();
  const cpuSeconds = (await system.cpuSeconds()) - cpu;
  const sent = ran.requests * messages[0].readings;
  const kept = (await stored()) - before;
  if (kept !== sent) throw new Error(`${sent} readings were acknowledged and ${kept} stored`);
  return { ...ran, rate: sent / ran.seconds, cpuMicros: (cpuSeconds * 1e6) / sent };
}

function row(rounds) {
  const [{ form, signed, way }] = rounds;
  const latenciesMs = rounds.flatMap((one) => one.latenciesMs);
  const cpuMicros = rounds.map((one) => one.cpuMicros).filter((one) => one !== undefined);
  return {
    form,
    signed,
    way,
    readingsPerSecond: round(
      quantile(
        rounds.map(({ rate }) => rate),
        0.5,
      ),
      0,
    ),
    p50Ms: round(quantile(latenciesMs, 0.5), 1),
    p99Ms: round(quantile(latenciesMs, 0.99), 1),
    gatewayCpuMicros: cpuMicros.length > 0 ? round(quantile(cpuMicros, 0.5), 1) : null,
    load: round(loadavg()[0], 1),
  };
}

// --- connections that say nothing -------------------------------------------------------------------------------------

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Between two looks at the memory of a gateway whose devices say nothing but that they are there. */
const HOLD_MS = QUICK ? 5_000 : 60_000;
const CONNECTS_AT_ONCE = 100;

async function idle({ system, port }) {
  const wanted = valueOf('--idle=', QUICK ? 1_000 : 10_000);
  const emptyMiB = await system.heldMiB({ collected: true });
  const emptyResidentMiB = await system.residentMiB();
  const held = [];
  while (held.length < wanted)
    held.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(CONNECTS_AT_ONCE, wanted - held.length) }, (_, i) =>
          MqttConnection.open(port, `idle-${held.length + i}`),
        ),
      )),
    );
  const atFirst = await system.heldMiB({ collected: true });
  for (let look = 0; look < 3; look += 1) {
    for (const connection of held) connection.ping();
    await pause(HOLD_MS);
  }
  const later = await system.heldMiB({ collected: true });
  const residentMiB = await system.residentMiB();
  const lost = held.filter(({ closed }) => closed).length;
  for (const connection of held) connection.close();
  if (lost > 0) throw new Error(`${lost} of ${wanted} idle connections were closed`);
  return {
    idleConnections: wanted,
    heapAndBuffersMiB: round(later, 1),
    growthWhileHeldMiB: round(later - atFirst, 1),
    kibPerConnection: round(((atFirst - emptyMiB) * 1024) / wanted, 1),
    residentMiB: round(residentMiB, 0),
    residentBeforeMiB: round(emptyResidentMiB, 0),
    heldSeconds: (3 * HOLD_MS) / 1000,
  };
}

// --- senders that misbehave -------------------------------------------------------------------------------------------

const STEADY_PER_SECOND = 100;
const STEADY_SECONDS = QUICK ? 5 : 30;
/** What `misbehave.mjs` knows: 200 connections a second that come and go, floods of what nobody takes. */
const MISBEHAVIOURS = [
  'nobody',
  'reconnect storm',
  'binary garbage',
  'larger than a message',
  'larger than a packet',
  'wrong topics',
  'WebSocket: larger than a message',
  'WebSocket: garbage',
  'WebSocket: reconnect storm',
];

/** Others send signed readings at a steady rate, and latency counts from when each was due. */
async function storm(context) {
  const rows = [];
  const only = option('--only=')?.slice('--only='.length) ?? '';
  for (const what of MISBEHAVIOURS) {
    if (rows.length > 0 && !what.startsWith(only)) continue;
    const script = join(import.meta.dirname, 'misbehave.mjs');
    const port = what.startsWith('WebSocket') ? new URL(context.system.url).port : context.port;
    const misbehaving = fork(script, [String(port), what]);
    await once(misbehaving, 'message');
    await context.system.eventLoopDelay();
    const cpu = await context.system.cpuSeconds();
    const latenciesMs = await steady(context);
    const gatewayCores = ((await context.system.cpuSeconds()) - cpu) / STEADY_SECONDS;
    const { p99Ms: loopP99Ms } = await context.system.eventLoopDelay();
    misbehaving.disconnect();
    await once(misbehaving, 'exit');
    const p99Ms = quantile(latenciesMs, 0.99);
    rows.push({
      misbehaving: what,
      othersPerSecond: STEADY_PER_SECOND,
      p50Ms: round(quantile(latenciesMs, 0.5), 1),
      p99Ms: round(p99Ms, 1),
      p99Ratio: rows.length === 0 ? 1 : round(p99Ms / rows[0].p99Ms),
      target: rows.length === 0 ? null : 2,
      gatewayCores: round(gatewayCores),
      loopP99Ms: round(loopP99Ms, 1),
      load: round(loadavg()[0], 1),
    });
  }
  return rows;
}

async function steady({ port, source }) {
  const total = STEADY_PER_SECOND * STEADY_SECONDS;
  const packets = asPackets(FORMS.single(source, total, true));
  const open = await Promise.all(
    Array.from({ length: 20 }, (_, i) => MqttConnection.open(port, `steady-${i}`)),
  );
  const latenciesMs = [];
  const sending = [];
  const started = performance.now();
  for (let issued = 0; issued < total; issued += 1) {
    const dueAt = started + (issued / STEADY_PER_SECOND) * 1000;
    while (performance.now() < dueAt) await pause(Math.max(1, dueAt - performance.now()));
    sending.push(
      open[issued % open.length].publish(packets[issued]).then((taken) => {
        if (!taken) throw new Error('a well-behaved connection ended');
        latenciesMs.push(performance.now() - dueAt);
      }),
    );
  }
  await Promise.all(sending);
  for (const connection of open) connection.close();
  return latenciesMs;
}
