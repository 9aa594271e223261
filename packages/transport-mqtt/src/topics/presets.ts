import type { TopicMap } from './topic-map.js';

/** Our own topics. `device` is the id of a meter: the caller's, where devices log in. */
const wattproof: TopicMap = {
  name: 'wattproof',
  takes: [
    { pattern: 'wattproof/v1/{device}/readings', payload: 'readings' },
    { pattern: 'wattproof/v1/{device}/status', payload: 'status' },
    { pattern: 'wattproof/v1/{device}/alerts', payload: 'alert' },
    { pattern: 'wattproof/v1/{device}/answers', payload: 'answer' },
  ],
  receipts: 'wattproof/v1/{device}/receipts',
  commands: [{ pattern: 'wattproof/v1/{device}/commands', shape: 'command' }],
};

/** Energy logs of kwh-btc-iot's gateways. */
const kwhBtcIot: TopicMap = {
  name: 'kwh-btc-iot',
  takes: [{ pattern: 'energy/{site}/{device}/{meter}', payload: 'kwh-btc-iot' }],
};

/** EnergyPulse's house meters. */
const energypulse: TopicMap = {
  name: 'energypulse',
  takes: [{ pattern: 'energy/meters/{meter}', payload: 'energypulse' }],
};

/** Los Técnicos: what its document says, and what its ESP32 firmware does. */
const losTecnicos: TopicMap = {
  name: 'los-tecnicos',
  takes: [
    { pattern: 'energy/donor/{device}/status', payload: 'los-tecnicos-donor-status' },
    { pattern: 'energy/device/{device}/status', payload: 'los-tecnicos-donor-status' },
    { pattern: 'energy/recipient/{device}/status', payload: 'los-tecnicos-recipient-status' },
    { pattern: 'energy/device/{device}/alert', payload: 'los-tecnicos-alert' },
    { pattern: 'energy/donor/{device}/lock/response', payload: 'los-tecnicos-lock-response' },
    { pattern: 'energy/lock/{device}/response', payload: 'los-tecnicos-lock-response' },
    { pattern: 'energy/transfer/{transfer}/status', payload: 'los-tecnicos-transfer-status' },
  ],
  commands: [
    { pattern: 'energy/donor/{device}/lock', shape: 'los-tecnicos-lock', command: 'lock' },
    { pattern: 'energy/lock/{device}', shape: 'los-tecnicos-lock', command: 'lock' },
    { pattern: 'energy/unlock/{device}', shape: 'los-tecnicos-unlock', command: 'unlock' },
  ],
};

/** Maps by the name of the product whose devices speak so. */
export const PRESETS = {
  wattproof,
  'kwh-btc-iot': kwhBtcIot,
  energypulse,
  'los-tecnicos': losTecnicos,
} as const satisfies Readonly<Record<string, TopicMap>>;
export type PresetName = keyof typeof PRESETS;
