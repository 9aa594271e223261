import { describe, expect, it } from '@jest/globals';
import { ImportMapping, type ImportMappingInput } from '../../src/imports/mapping.js';
import { type Carry, MeterSeries } from '../../src/imports/meter-series.js';
import { IMPORT_PRESETS } from '../../src/imports/presets.js';
import { readRows } from '../../src/imports/read-rows.js';
import { RowRefusal } from '../../src/imports/import-error.js';

/** Reads a file in parts of `partBytes`, as an import does. */
function readFile(text: string, given: ImportMappingInput, partBytes = Number.POSITIVE_INFINITY) {
  const mapping = ImportMapping.parse(given);
  const bytes = Buffer.from(text, 'utf8');
  let carry: Carry = { registers: {} };
  let columns: readonly string[] | undefined;
  const readings: Readonly<Record<string, string>>[] = [];
  const refused: string[] = [];
  let missingValues = 0;
  for (let from = 0; from < bytes.length;) {
    const end = Math.min(bytes.length, from + partBytes);
    const read = readRows(bytes.subarray(from, end), mapping, columns, end === bytes.length);
    if (read.bytes === 0) throw new Error('no row ends in this part');
    columns = read.columns;
    const series = new MeterSeries(mapping, JSON.parse(JSON.stringify(carry)) as Carry);
    for (const row of read.rows) {
      if (row instanceof RowRefusal) {
        refused.push(row.code);
        continue;
      }
      const found = series.read(row);
      readings.push(...found.readings);
      refused.push(...found.refused.map(({ code }) => code));
      missingValues += found.missingValues;
    }
    carry = series.carry;
    from += read.bytes;
  }
  return { readings, refused, missingValues };
}

const REGISTER = {
  format: 'csv',
  time: { columns: ['t'] },
  intervalS: 3600,
  meters: [
    {
      id: 'm',
      site: 's',
      registers: [{ column: 'kwh', field: 'import_kwh', kind: 'register', unit: 'kWh' }],
    },
  ],
} as const satisfies ImportMappingInput;

const hours = (...values: readonly string[]): string =>
  [
    't,kwh',
    ...values.map((value, at) => `2020-01-01T${String(at).padStart(2, '0')}:00:00Z,${value}`),
  ].join('\n');

describe('Rows of a file', () => {
  it('of a register become the intervals between its values, a gap one longer interval', () => {
    const { readings, missingValues } = readFile(
      hours('1.000', '1.250', '', '', '3.000', '3.000'),
      REGISTER,
    );
    expect(
      readings.map(({ start, end, import_kwh: kwh }) => [
        start?.slice(11, 13),
        end?.slice(11, 13),
        kwh,
      ]),
    ).toEqual([
      ['00', '01', '0.25'],
      ['01', '04', '1.75'],
      ['04', '05', '0'],
    ]);
    expect(missingValues).toBe(2);
  });

  it('of a register that falls are refused for that time alone', () => {
    const { readings, refused } = readFile(hours('9', '10', '0.5', '1.5'), REGISTER);
    expect(readings.map(({ import_kwh: kwh }) => kwh)).toEqual(['1', '1']);
    expect(refused).toEqual(['register_falls']);
  });

  it('read in parts of any size become the same as read at once', () => {
    const text = `${hours(...Array.from({ length: 23 }, (_, at) => (at % 5 === 3 ? '' : `${at}.${at}`)))}\n`;
    const whole = readFile(text, REGISTER);
    expect(whole.readings).toHaveLength(18);
    for (const partBytes of [30, 31, 47, 64, 101])
      expect(readFile(text, REGISTER, partBytes)).toEqual(whole);
  });

  it('of the layout of Low Carbon London are half hours of the meters that the file names', () => {
    const text = [
      'LCLid,stdorToU,DateTime,KWH/hh (per half hour) ',
      'MAC000002,Std,2012-10-12 00:30:00.0000000, 0 ',
      'MAC000002,Std,2012-10-12 01:00:00.0000000, 0.21 ',
      'MAC000002,Std,2012-10-12 01:30:00.0000000,Null',
      'MAC000003,ToU,2012-10-12 00:30:00.0000000, 1.099 ',
    ].join('\r\n');
    const { readings, refused } = readFile(text, IMPORT_PRESETS['london-low-carbon']);
    expect(refused).toEqual([]);
    expect(readings).toEqual([
      {
        v: 'reading/1',
        site: 'london',
        device: 'MAC000002',
        meter: 'MAC000002',
        start: '2012-10-12T00:00:00.000Z',
        end: '2012-10-12T00:30:00.000Z',
        import_kwh: '0',
      },
      {
        v: 'reading/1',
        site: 'london',
        device: 'MAC000002',
        meter: 'MAC000002',
        start: '2012-10-12T00:30:00.000Z',
        end: '2012-10-12T01:00:00.000Z',
        import_kwh: '0.21',
      },
      {
        v: 'reading/1',
        site: 'london',
        device: 'MAC000003',
        meter: 'MAC000003',
        start: '2012-10-12T00:00:00.000Z',
        end: '2012-10-12T00:30:00.000Z',
        import_kwh: '1.099',
      },
    ]);
  });

  it('of the layout of the household of UCI are minutes of mean power', () => {
    const text = [
      'Date;Time;Global_active_power;Global_reactive_power;Voltage;Global_intensity;Sub_metering_1;Sub_metering_2;Sub_metering_3',
      '16/12/2006;17:24:00;4.216;0.418;234.840;18.400;0.000;1.000;17.000',
      '16/12/2006;17:25:00;?;?;?;?;?;?;',
      '16/12/2006;17:26:00;5.374;0.498;233.290;23.000;0.000;2.000;17.000',
    ].join('\n');
    const { readings, refused } = readFile(text, IMPORT_PRESETS['uci-household-power']);
    expect(refused).toEqual([]);
    // 4.216 kW for a minute is 0.0702666… kWh: whole µWh, rounded down.
    expect(readings.map(({ start, end, import_kwh: kwh }) => [start, end, kwh])).toEqual([
      ['2006-12-16T16:24:00.000Z', '2006-12-16T16:25:00.000Z', '0.070266666'],
      ['2006-12-16T16:26:00.000Z', '2006-12-16T16:27:00.000Z', '0.089566666'],
    ]);
  });

  it('of NDJSON keep every digit of their numbers', () => {
    const mapping: ImportMappingInput = {
      ...REGISTER,
      format: 'ndjson',
      meters: [
        {
          id: 'm',
          site: 's',
          registers: [{ column: 'wh', field: 'generation_kwh', kind: 'interval', unit: 'Wh' }],
        },
      ],
    };
    const { readings, refused } = readFile(
      '{"t":"2020-01-01T01:00:00Z","wh":9007199254740.9935}\n\n{"t":"2020-01-01T02:00:00Z","wh":null}\n[]\n{"t":',
      mapping,
    );
    expect(readings.map(({ generation_kwh: kwh }) => kwh)).toEqual(['9007199254.7409935']);
    expect(refused).toEqual(['json_syntax', 'json_syntax']);
  });

  it.each([
    ['2020-01-01T00:00:00Z,abc', 'value_invalid'],
    ['2020-01-01T00:00:00Z,0x10', 'value_invalid'],
    ['2020-01-01T00:00:00Z,Infinity', 'value_invalid'],
    ['2020-01-01T00:00:00Z,-0.5', 'value_negative'],
    ['never,1', 'time_invalid'],
    ['2020-01-01T00:00:00Z,1,2', 'row_too_long'],
  ])('such as "%s" are refused: %s', (row, code) => {
    const { readings, refused } = readFile(`t,kwh\n${row}\n`, REGISTER);
    expect([readings, refused]).toEqual([[], [code]]);
  });

  it('that come twice or out of order are refused, and count for nothing', () => {
    const rows = [
      't,kwh',
      '2020-01-01T01:00:00Z,1',
      '2020-01-01T01:00:00Z,1',
      '2020-01-01T00:00:00Z,0',
      '2020-01-01T02:00:00Z,2',
    ];
    const { readings, refused } = readFile(rows.join('\n'), REGISTER);
    expect(readings.map(({ import_kwh: kwh }) => kwh)).toEqual(['1']);
    expect(refused).toEqual(['time_not_after', 'time_not_after']);
  });

  it('may hold quoted fields with line feeds, and a quote that nothing closes spoils no other row', () => {
    const quoted =
      't,note,kwh\n2020-01-01T00:00:00Z,"one\ntwo, ""three""",1\n2020-01-01T01:00:00Z,,2\n';
    expect(readFile(quoted, REGISTER, 70).readings).toHaveLength(1);
    const stray = 't,note,kwh\n2020-01-01T00:00:00Z,5" pipe,1\n2020-01-01T01:00:00Z,,2\n';
    expect(readFile(stray, REGISTER).readings).toHaveLength(1);
  });

  it.each([
    ['meter after meter', ['A', 'A', 'A', 'A', 'A', 'A', 'B', 'B', 'B', 'B', 'B', 'B']],
    ['meters beside each other', ['A', 'B', 'A', 'B', 'A', 'B', 'A', 'B', 'A', 'B', 'A', 'B']],
  ])('of an hour that comes twice are told apart for each meter: %s', (_what, order) => {
    const walls = ['01:45', '02:00', '02:30', '02:00', '02:30', '03:00'];
    const next: Record<string, number> = { A: 0, B: 0 };
    const rows = order.map((who) => `2021-10-31T${walls[next[who]!++]}:00,${who},1`);
    for (const partBytes of [60, 1000]) {
      const { readings, refused } = readFile(
        ['t,who,kwh', ...rows].join('\n'),
        {
          ...REGISTER,
          time: { columns: ['t'], zone: 'Europe/Berlin' },
          meters: [
            {
              idColumn: 'who',
              site: 's',
              registers: [{ column: 'kwh', field: 'import_kwh', kind: 'interval', unit: 'kWh' }],
            },
          ],
        },
        partBytes,
      );
      expect(refused).toEqual([]);
      for (const who of ['A', 'B'])
        expect(
          readings.filter(({ meter }) => meter === who).map(({ end }) => end!.slice(11, 16)),
        ).toEqual(['23:45', '00:00', '00:30', '01:00', '01:30', '02:00']);
    }
  });

  it('end with LF or CRLF, whichever the first one has', () => {
    const lines = hours('1', '2', '3').split('\n');
    for (const ends of [
      ['\r\n', '\n', '\n', '\r\n'],
      ['\n', '\r\n', '\r\n', '\n'],
    ])
      expect(
        readFile(lines.map((line, at) => line + ends[at]!).join(''), REGISTER).readings,
      ).toHaveLength(2);
  });

  it('keep their quoted fields whole wherever a part ends', () => {
    const text = [
      '\uFEFF"t","note","kwh"',
      '2020-01-01T00:00:00Z,5" pipe,1',
      '2020-01-01T01:00:00Z,"one, ""two""\n\nthree",2',
      '2020-01-01T02:00:00Z,"",3',
      '2020-01-01T03:00:00Z,"a"b,4',
      '2020-01-01T04:00:00Z,"5"" pipe",5',
    ].join('\r\n');
    for (const partBytes of [70, 75, 90, 1000])
      expect(readFile(text, REGISTER, partBytes)).toMatchObject({
        readings: [{}, {}, {}, {}],
        refused: [],
      });
  });

  it('may be as wide as they like: what no mapping reads costs nothing', () => {
    const names = Array.from({ length: 1000 }, (_, at) => `c${at}`);
    const file = Buffer.from(`t,kwh,${names.join(',')}\n${'x\n'.repeat(400_000)}`);
    const mapping = ImportMapping.parse(REGISTER);
    const { rows, columns, bytes } = readRows(file, mapping, undefined, true);
    expect([rows.length, Object.keys(rows[0]!)]).toEqual([4999, ['t', 'kwh']]);
    expect(JSON.stringify(columns).length).toBeLessThan(4000);
    expect(bytes).toBeLessThan(file.length);
  });

  it.each([
    ['9000000000', '9000000000'],
    ['0.0000000019', '0.000000001'],
    ['+.5e1', '5'],
    ['-0.0', '0'],
    ['9223372037', 'value_invalid'],
    ['1e99', 'value_invalid'],
  ])('hold a value of %s kWh: %s', (value, expected) => {
    const { readings, refused } = readFile(hours('0', value), REGISTER);
    expect(readings[0]?.['import_kwh'] ?? refused[0]).toBe(expected);
  });

  it('may name 5,000 meters, and no name that would fill the store', () => {
    const rows = (meters: number, id: (at: number) => string) =>
      `t,who,kwh\n${Array.from({ length: meters }, (_, at) => `2020-01-01T00:00:00Z,${id(at)},1\n`).join('')}`;
    const mapping: ImportMappingInput = {
      ...REGISTER,
      meters: [{ ...REGISTER.meters[0], id: undefined, idColumn: 'who' }],
    };
    const part = 100_000;
    expect(readFile(rows(5000, String), mapping, part).refused).toEqual([]);
    for (const text of [rows(5001, String), rows(4000, (at) => `${at}`.padStart(256, 'x'))])
      expect(() => readFile(text, mapping, part)).toThrow(
        expect.objectContaining({ code: 'import_too_many_meters' }),
      );
  });

  it.each([
    ['a column that is missing', 't,other\n', 'column_missing'],
    ['a column that comes twice', 't,kwh,kwh\n', 'column_twice'],
    ['more columns than anybody reads', `t,kwh${',x'.repeat(1100)}\n`, 'file_unreadable'],
    ['what is not UTF-8', Buffer.from([0x74, 0x2c, 0xff, 0x0a]), 'file_unreadable'],
  ])('cannot be read: %s', (_what, content, code) => {
    const mapping = ImportMapping.parse(REGISTER);
    expect(() => readRows(Buffer.from(content as string), mapping, undefined, true)).toThrow(
      expect.objectContaining({ code }),
    );
  });
});
