import { describe, expect, it } from '@jest/globals';
import { LocalTime } from '../../src/imports/local-time.js';
import { RowRefusal } from '../../src/imports/import-error.js';
import { ROW_SHAPE } from '../../src/imports/mapping.js';
import { rowTimeReader } from '../../src/imports/row-time.js';

const read = (form: string, text: string, zone = 'UTC'): string => {
  const found = rowTimeReader(form, new LocalTime(zone))(text);
  return found instanceof RowRefusal
    ? found.code
    : found.map((ms) => new Date(ms!).toISOString()).join(' ');
};

describe('The form of a time', () => {
  const formOf = (form: string) => ROW_SHAPE.time.shape.form.safeParse(form).success;

  it('names each of its parts once and is short, so that no text takes long to be compared with it', () => {
    expect(formOf('dd/MM/yyyy HH:mm:ss.f')).toBe(true);
    for (const form of [
      `yyyyMMdd${'f'.repeat(8)}ss`,
      'yyyyMMddyyyy',
      `yyyyMMdd${' '.repeat(60)}`,
      'dd/MM',
      'yyyy(MM)+dd',
    ])
      expect([form, formOf(form)]).toEqual([form, false]);
  });

  it('without anything between its parts has two digits for each of them', () => {
    const instants = rowTimeReader('yyyyMMddHHmmssf', new LocalTime('UTC'));
    expect(instants('20260203040506789')).toEqual([Date.parse('2026-02-03T04:05:06.789Z')]);
    expect(instants('2026234567')).toMatchObject({ code: 'time_invalid' });
  });

  it('has offsets that a clock can have', () => {
    const instants = rowTimeReader('iso', new LocalTime('UTC'));
    expect(instants('2026-01-01T00:00:00+23:59')).toEqual([Date.parse('2025-12-31T00:01:00Z')]);
    for (const offset of ['+24:00', '+01:60', '-9999'])
      expect(instants(`2026-01-01T00:00:00${offset}`)).toMatchObject({ code: 'time_invalid' });
  });
});

describe('The instant of a row', () => {
  it.each([
    ['iso', '2015-10-04T01:00:00Z', 'UTC', '2015-10-04T01:00:00.000Z'],
    ['iso', '2015-10-04T03:00:00+0200', 'UTC', '2015-10-04T01:00:00.000Z'],
    ['iso', '2015-10-04 03:00:00-02:30', 'UTC', '2015-10-04T05:30:00.000Z'],
    ['iso', '2015-10-04', 'UTC', '2015-10-04T00:00:00.000Z'],
    ['iso', '2015-10-04T01:00:00', 'Europe/Rome', '2015-10-03T23:00:00.000Z'],
    ['yyyy-MM-dd HH:mm:ss.f', '2012-10-12 00:30:00.0000000', 'UTC', '2012-10-12T00:30:00.000Z'],
    ['dd/MM/yyyy HH:mm:ss', '16/12/2006 17:24:00', 'Etc/GMT-1', '2006-12-16T16:24:00.000Z'],
    ['dd/MM/yyyy HH:mm:ss', '1/2/2007 00:00:00', 'Etc/GMT-1', '2007-01-31T23:00:00.000Z'],
    ['unix-s', '1700000000', 'UTC', '2023-11-14T22:13:20.000Z'],
    ['unix-ms', '1700000000001', 'UTC', '2023-11-14T22:13:20.001Z'],
    ['iso', '2015-02-29T00:00:00Z', 'UTC', 'time_invalid'],
    ['iso', '2015-01-01T24:00:00Z', 'UTC', 'time_invalid'],
    ['iso', 'yesterday', 'UTC', 'time_invalid'],
    ['dd/MM/yyyy HH:mm:ss', '31/06/2007 00:00:00', 'UTC', 'time_invalid'],
    ['dd/MM/yyyy HH:mm:ss', '2007-06-01 00:00:00', 'UTC', 'time_invalid'],
    ['unix-s', '-1', 'UTC', 'time_invalid'],
    ['unix-s', '253402300799', 'UTC', '9999-12-31T23:59:59.000Z'],
    ['unix-s', '9999999999999', 'UTC', 'time_invalid'],
    ['unix-ms', '8640000000000001', 'UTC', 'time_invalid'],
    ['iso', '2024-02-29', 'UTC', '2024-02-29T00:00:00.000Z'],
    ['iso', '1900-02-29', 'UTC', 'time_invalid'],
    ['iso', '2021-03-28T02:30:00', 'Europe/Berlin', 'time_skipped'],
    ['iso', '2021-03-28T03:00:00', 'Europe/Berlin', '2021-03-28T01:00:00.000Z'],
    [
      'iso',
      '2021-10-31T02:30:00',
      'Europe/Berlin',
      '2021-10-31T00:30:00.000Z 2021-10-31T01:30:00.000Z',
    ],
    ['iso', '2021-04-04T02:15:00', 'Australia/Lord_Howe', '2021-04-03T15:45:00.000Z'],
  ])('of the form %s is read: %s in %s is %s', (form, text, zone, expected) => {
    expect(read(form, text, zone)).toBe(expected);
  });
});
