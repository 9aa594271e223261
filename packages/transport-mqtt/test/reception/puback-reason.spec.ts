import { VERDICT_CODES } from '@wattproof/core/testing';
import { reasonOfRefusal } from '../../src/reception/puback-reason.js';

/** What MQTT says where HTTP answers so; what is to be sent again (429, 503) is never refused. */
const REASON_OF_STATUS: Readonly<Record<number, number>> = {
  400: 0x99,
  401: 0x87,
  403: 0x87,
  409: 0x83,
  410: 0x83,
  413: 0x83,
  415: 0x99,
  422: 0x83,
};
const refusals = Object.entries(VERDICT_CODES).filter(
  ([, { verdict, status }]) => verdict === 'rejected' && status !== 429 && status !== 503,
);

describe('the reason in a PUBACK', () => {
  it.each(refusals)('of %s is the one of its kind', (code, { status }) => {
    expect(reasonOfRefusal(code)).toBe(REASON_OF_STATUS[status]);
  });

  it('of a code of a format is that the payload is malformed', () => {
    expect(refusals.length).toBeGreaterThan(40);
    expect(reasonOfRefusal('model_type')).toBe(0x99);
  });
});
