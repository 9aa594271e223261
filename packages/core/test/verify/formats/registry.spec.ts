import { fromUtf8, utf8 } from '../../../src/verify/bytes.js';
import { asReceived } from '../../../src/verify/formats/as-received.js';
import {
  canonicalize,
  defaultFormats,
  formats,
  readDocument,
} from '../../../src/verify/formats/default-formats.js';
import type { FormatError } from '../../../src/verify/formats/format.js';

const READING = {
  v: 'reading/1',
  site: 'plant',
  device: 'gw',
  meter: 'm-1',
  start: '2025-12-01T10:00:00.000Z',
  end: '2025-12-01T10:15:00.000Z',
  seq: 7,
  import_kwh: '8.2',
  export_kwh: '0.0000000019',
};

function refusal(format: string, document: string | object): [string, string | undefined] {
  try {
    canonicalize(format, document);
  } catch (error) {
    return [(error as FormatError).code, (error as FormatError).path];
  }
  return ['accepted', undefined];
}
const change = (changes: object): [string, string | undefined] =>
  refusal('reading/1', { ...READING, ...changes });

describe('reading/1', () => {
  it('is RFC 8785 and says what was measured', () => {
    const document = readDocument(
      'reading/1',
      JSON.stringify({ ...READING, supersedes: 'ab'.repeat(32), status: 'estimated' }),
    );
    expect(fromUtf8(document.bytes)).toMatch(/^\{"device":"gw","end":/);
    expect(document.reading).toEqual({
      siteId: 'plant',
      deviceId: 'gw',
      meterId: 'm-1',
      startsMs: Date.UTC(2025, 11, 1, 10),
      endsMs: Date.UTC(2025, 11, 1, 10, 15),
      energies: [
        { register: 'import', energyUWh: 8_200_000_000n },
        { register: 'export', energyUWh: 1n },
      ],
      sequence: 7n,
      estimated: true,
      supersedes: 'ab'.repeat(32),
    });
  });

  it('gives an object and its text in any order the same bytes', () => {
    const text = JSON.stringify(
      Object.fromEntries(Object.entries(READING).toReversed()),
      undefined,
      1,
    );
    expect(canonicalize('reading/1', text)).toEqual(canonicalize('reading/1', READING));
  });

  it('takes point readings and the whole telemetry', () => {
    expect(
      change({
        end: READING.start,
        battery_level_pct: '80',
        temperature_c: '-4.5',
        power_kw: '0',
        voltage_v: '230.1',
      }),
    ).toEqual(['accepted', undefined]);
  });

  const refusals: [string, string, object][] = [
    ['unknown_member', 'extra', { extra: 1 }],
    ['unknown_member', 'constructor', { constructor: 1 }],
    ['member_invalid', 'v', { v: 'reading/2' }],
    ['member_invalid', 'site', { site: '' }],
    ['member_invalid', 'meter', { meter: 'é'.repeat(129) }],
    ['member_invalid', 'device', { device: 'a\u0000' }],
    ['member_invalid', 'start', { start: '2025-12-01T10:00:00Z' }],
    ['member_invalid', 'start', { start: '2025-12-01T10:00:00.000+00:00' }],
    ['member_invalid', 'end', { end: '2025-02-29T10:00:00.000Z' }],
    ['member_invalid', 'end', { end: '2025-12-01T24:00:00.000Z' }],
    ['member_invalid', 'seq', { seq: -1 }],
    ['member_invalid', 'seq', { seq: 1.5 }],
    ['member_invalid', 'seq', { seq: '7' }],
    ['member_invalid', 'import_kwh', { import_kwh: 8.2 }],
    ['member_invalid', 'import_kwh', { import_kwh: '-1' }],
    ['member_invalid', 'import_kwh', { import_kwh: '1e3' }],
    ['member_invalid', 'import_kwh', { import_kwh: '01' }],
    ['member_invalid', 'import_kwh', { import_kwh: '.5' }],
    ['member_invalid', 'import_kwh', { import_kwh: '9000000000.0000000001' }],
    ['member_invalid', 'temperature_c', { temperature_c: 'warm' }],
    ['member_invalid', 'status', { status: 'banana' }],
    ['member_invalid', 'supersedes', { supersedes: 'AB'.repeat(32) }],
    ['missing', 'site', { site: undefined }],
  ];
  for (const [code, path, changes] of refusals)
    it(`refuses ${JSON.stringify(changes)} as ${code}`, () => {
      const document = JSON.stringify({ ...READING, ...changes });
      expect(refusal('reading/1', document)).toEqual([code, path]);
    });

  it('takes 9 × 10⁹ kWh and no more', () => {
    expect(change({ import_kwh: '9000000000.0' })[0]).toBe('accepted');
    expect(change({ import_kwh: '9000000000.000000001' })[0]).toBe('member_invalid');
  });

  it('refuses intervals that end before they start, and readings without energy', () => {
    expect(change({ end: '2025-12-01T09:59:59.999Z' })[0]).toBe('interval_reversed');
    const { import_kwh: _i, export_kwh: _e, ...rest } = READING;
    expect(refusal('reading/1', rest)[0]).toBe('energy_missing');
    expect(refusal('reading/1', '[]')[0]).toBe('model_type');
  });
});

describe('the format registry', () => {
  it('knows the formats of this package and names them when it does not know one', () => {
    expect(formats.slice(0, 3)).toEqual(['emlog-1.1', 'reading/1', 'gridtokenx-meter/1']);
    expect(formats).toEqual(
      expect.arrayContaining(['log-key/1', 'erasure/1', 'audit/1', 'claim/1']),
    );
    expect(() => canonicalize('emlog-9', '{}')).toThrow('emlog-1.1, reading/1');
  });

  it('grows into a new registry and stays as it was', () => {
    const edl = asReceived('edl', () => undefined);
    const grown = defaultFormats.with([edl]);
    expect(grown.canonicalize('edl', 'OCMF|{ "a" : 1 }|{}')).toEqual(utf8('OCMF|{ "a" : 1 }|{}'));
    expect(defaultFormats.has('edl')).toBe(false);
    expect(() => grown.with([edl])).toThrow('Two codecs are named "edl"');
  });

  it('writes system entries by closed schemas', () => {
    const entry = {
      v: 'audit/1',
      actor: 'a',
      action: 'b',
      subject: 'c',
      at: '2025-12-01T10:00:00.000Z',
    };
    expect(fromUtf8(canonicalize('audit/1', entry))).toMatch(/^\{"action":"b","actor":"a","at":/);
    expect(refusal('audit/1', { ...entry, detail: { x: 1, y: null } })[0]).toBe('accepted');
    expect(refusal('audit/1', { ...entry, detail: { x: {} } })).toEqual([
      'member_invalid',
      'detail',
    ]);
    expect(refusal('audit/1', { ...entry, note: '' })).toEqual(['unknown_member', 'note']);
    expect(refusal('erasure/1', { ...entry, v: 'erasure/1' })[0]).toBe('unknown_member');
    const key = {
      v: 'log-key/1',
      origin: 'a.example/log',
      role: 'checkpoint',
      announced_at: entry.at,
    };
    expect(refusal('log-key/1', { ...key, vkey: 'a.example/log+0a1b2c3d+AbCd' })[0]).toBe(
      'accepted',
    );
    expect(refusal('log-key/1', { ...key, vkey: 'nonsense' })).toEqual(['member_invalid', 'vkey']);
  });

  it('offers those who ask for an unknown format only what they may send', () => {
    expect(() => readDocument(`x${'y'.repeat(100)}`, '{}')).toThrow(
      `No format is named "x${'y'.repeat(39)}"; known are emlog-1.1, reading/1`,
    );
  });
});
