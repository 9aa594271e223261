/**
 * Canonical bytes and log hash of one emlog-1.1 document: this package against RFC 8785's `canonicalize`
 * with Node's createHash, from a parsed object and from JSON text. Both sides run in turns in one
 * process; the ratio is the median over rounds.
 */
import { createHash } from 'node:crypto';
import { canonicalize, logHash } from '@wattproof/core/verify';
import peer from 'canonicalize';
import { nativeHashing } from '../packages/core/dist/hashing/native-hashing.js';

const ROUNDS = 15;
const DOCUMENTS = 20_000;
const texts = Array.from({ length: 1000 }, (_, i) =>
  JSON.stringify({
    schema_version: 'emlog-1.1',
    site_id: `PLANT-${i % 7}`,
    iot_device_id: `gw-PLANT01-${i}`,
    meter_id: `MTR-${i}`,
    ts_start: `2025-12-01T10:${String(i % 60).padStart(2, '0')}:00Z`,
    ts_end: '2025-12-01T11:15:00Z',
    interval_s: 300,
    energy_kwh: 12.34 + i / 100,
    power_kw_avg: 2.47,
    status: 'ok',
    tags: ['peak'],
    tx: {
      unit: 'sats',
      price_sats_per_kwh: 100,
      amount_sats: 1234 + i,
      channel: 'ln',
      settlement_status: 'pending',
      ln_invoice_id: null,
      bitcoin_txid: null,
    },
  }),
);
const objects = texts.map((text) => JSON.parse(text));

const peerHash = (text) => createHash('sha256').update('LOG::').update(text).digest();
const contests = {
  'from an object': [
    (i) => logHash(canonicalize('emlog-1.1', objects[i]), nativeHashing),
    (i) => peerHash(peer(objects[i])),
  ],
  'from JSON text': [
    (i) => logHash(canonicalize('emlog-1.1', texts[i]), nativeHashing),
    (i) => peerHash(peer(JSON.parse(texts[i]))),
  ],
};

/** CPU time, not wall time: what else the machine does should count as little as possible. */
function nsPerDocument(work) {
  const start = process.cpuUsage();
  for (let i = 0; i < DOCUMENTS; i += 1) work(i % texts.length);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1000) / DOCUMENTS;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const round = (value) => Number(value.toFixed(2));

export const name = 'canonical bytes and log hash of an emlog-1.1 document';

export async function run() {
  return Object.entries(contests).map(([from, [ours, theirs]]) => {
    const rounds = Array.from({ length: ROUNDS }, () => [
      nsPerDocument(ours),
      nsPerDocument(theirs),
    ]);
    const warm = rounds.slice(3);
    return {
      from,
      wattproofMicros: round(median(warm.map(([a]) => a)) / 1000),
      peerMicros: round(median(warm.map(([, b]) => b)) / 1000),
      ratio: round(median(warm.map(([a, b]) => b / a))),
    };
  });
}
