import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES, isEventType } from '../../../src/events/event-types.js';
import { NOTICE_TYPES, noticesOf } from '../../../src/events/notices/notice-rules.js';

const told = (type: string, data: Record<string, unknown>) =>
  noticesOf({ id: '7', type, atMs: 5, data: { account: 'ada', ...data } as never }).map(
    ({ accountId, text }) => [accountId, text] as const,
  );

describe('Notices', () => {
  it('are made of events that exist', () => {
    expect(NOTICE_TYPES.filter((type) => !Object.hasOwn(EVENT_TYPES, type))).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, readonly string[], RegExp]>([
    ['meter.claimed', { meter: 'm1' }, ['ada'], /tried to register your meter m1/],
    [
      'meter.state',
      { meter: 'm1', from: 'active', to: 'suspended' },
      ['ada'],
      /now suspended.*frozen/,
    ],
    [
      'meter.transfer_offered',
      { meter: 'm1', transfer: 't', expires_at: '2026' },
      ['ada'],
      /offered to you until 2026/,
    ],
    ['meter.transfer_accepted', { meter: 'm1', transfer: 't' }, ['ada'], /accepted/],
    ['reading.contested', { meter: 'm1', entry: 'log_1', held: true }, ['ada'], /held for review/],
    ['reading.contested', { meter: 'm1', entry: 'log_1', held: false }, ['ada'], /Yours stands/],
    [
      'reading.quarantined',
      { meter: 'm1', reason: 'meter_pending' },
      ['ada', 'admin'],
      /meter_pending/,
    ],
    ['reading.flagged', { meter: 'm1', reason: 'night_solar' }, ['ada'], /unusual \(night_solar\)/],
    [
      'device.alert',
      { alert: 'al_1', device: 'd1', severity: 'critical', code: 'over', text: '253 V' },
      ['ada', 'admin'],
      /d1 raised the alarm \(critical, over\): 253 V/,
    ],
    [
      'device.alert',
      {
        alert: 'al_1',
        device: 'd1',
        severity: 'critical',
        code: 'over',
        text: '',
        account: 'admin',
      },
      ['admin'],
      /state alarm/,
    ],
    ['device.alert', { device: 'd1', severity: 'info', code: 'c', text: '' }, ['ada'], /info, c/],
    ['anchor.failed', { anchor: 'bitcoin', size: '7' }, ['admin'], /Checkpoint 7 .* bitcoin/],
    ['webhook.disabled', { webhook: 'wh_1', since: '2026' }, ['ada'], /wh_1 .* disabled/],
  ])('tell a %s of %j to %j', (type, data, accounts, text) => {
    expect(told(type, data).map(([account]) => account)).toEqual(accounts);
    for (const [, said] of told(type, data)) expect(said).toMatch(text);
  });

  it('are not turned around by the name of a device', () => {
    const data = {
      account: 'ada',
      device: 'a\u202eb\u2066c\u2028',
      severity: 'info',
      alert: 'al_1',
    };
    const [notice] = noticesOf({
      id: '1',
      type: 'device.alert',
      atMs: 0,
      data: { ...data, code: 'x\u200fy', text: 'hot' },
    });
    expect(notice?.text).toContain('a\u{fffd}b\u{fffd}c\u{fffd}');
    expect(notice?.text).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
  });

  it('say nothing of what was erased, and nothing of what concerns nobody', () => {
    expect(told('reading.quarantined', { entry: 'log_1', erased: true })).toEqual([]);
    expect(told('meter.claimed', { account: undefined })).toEqual([]);
    expect(told('reading.accepted', { meter: 'm1' })).toEqual([]);
  });

  it('carry ids of any length and content into a sentence of bounded length', () => {
    const [[, text]] = told('meter.claimed', { meter: 'x'.repeat(5000) }) as [[string, string]];
    expect(text.length).toBeLessThan(400);
  });
});

describe('Types of events', () => {
  it.each(['reading.accepted', 'meter.*', 'webhook.*'])('"%s" can be asked for', (type) =>
    expect(isEventType(type)).toBe(true),
  );
  it.each([
    '',
    '*',
    'reading',
    'reading.',
    'reading.acepted',
    'nothing.*',
    'read.*',
    'constructor',
    'r*',
  ])('"%s" cannot', (type) => expect(isEventType(type)).toBe(false));
});
