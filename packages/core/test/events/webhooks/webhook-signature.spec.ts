import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { secretsUnder } from '../../../src/events/webhooks/webhook-secrets.js';
import { signWebhook, verifyWebhook } from '../../../src/events/webhooks/webhook-signature.js';

const secret = 'whsec_test';
const body = '{"id":"1","type":"reading.accepted"}';
const nowMs = 1_760_000_000_500;
const header = signWebhook(secret, body, nowMs);
const verdict = (changes: Partial<Parameters<typeof verifyWebhook>[0]>) => {
  const found = verifyWebhook({ secret, header, body, nowMs, ...changes });
  return found.valid ? 'valid' : found.reason;
};
const [, mac = ''] = header.split('v1=');

describe('The signature of a webhook', () => {
  it('is HMAC-SHA-256 of time, full stop and body under the secret', () => {
    const expected = createHmac('sha256', secret).update(`1760000000.${body}`).digest('hex');
    expect(header).toBe(`t=1760000000,v1=${expected}`);
    expect(verifyWebhook({ secret, header, body: Buffer.from(body), nowMs })).toEqual({
      valid: true,
      atMs: 1_760_000_000_000,
    });
  });

  it.each<[string, string, Partial<Parameters<typeof verifyWebhook>[0]>]>([
    ['valid', 'five minutes old', { nowMs: nowMs + 299_500 }],
    ['valid', 'of a clock five minutes ahead', { nowMs: nowMs - 300_500 }],
    [
      'valid',
      'beside one of another secret',
      { header: `t=1760000000,v1=${'0'.repeat(64)},v1=${mac}` },
    ],
    ['valid', 'with spaces and another version', { header: `t=1760000000, v2=x, v1=${mac}` }],
    ['time', 'older', { nowMs: nowMs + 299_501 }],
    ['time', 'further ahead', { nowMs: nowMs - 300_501 }],
    ['time', 'of a receiver without a clock', { nowMs: NaN }],
    ['signature', 'of another body', { body: `${body} ` }],
    ['signature', 'of another secret', { secret: 'whsec_other' }],
    ['signature', 'of another time', { header: `t=1760000001,v1=${mac}` }],
    ['signature', 'cut short', { header: `t=1760000000,v1=${mac.slice(0, 62)}` }],
    ['signature', 'in capitals', { header: `t=1760000000,v1=${mac.toUpperCase()}` }],
    ['signature', 'empty', { header: 't=1760000000,v1=' }],
    ['header', 'missing', { header: undefined }],
    ['header', 'null', { header: null }],
    ['header', 'without a time', { header: `v1=${mac}` }],
    ['header', 'without a signature', { header: 't=1760000000' }],
    ['header', 'with two times', { header: `t=1760000000,t=1760000001,v1=${mac}` }],
    ['header', 'with a time that is none', { header: `t=1e9,v1=${mac}` }],
    ['header', 'with a time written otherwise', { header: `t=01760000000,v1=${mac}` }],
    ['header', 'endless', { header: `t=1760000000,v1=${mac}${',v1=0'.repeat(300)}` }],
  ])('is %s when it is %s', (expected, _what, changes) => {
    expect(verdict(changes)).toBe(expected);
  });
});

describe('The secret of an endpoint', () => {
  it('follows from what is kept beside the log key, and from nothing in the database', () => {
    const secretOf = secretsUnder(new Uint8Array(32).fill(1));
    expect(secretOf('wh_1')).toMatch(/^whsec_[\w-]{43}$/);
    expect(secretOf('wh_1')).toBe(secretsUnder(new Uint8Array(32).fill(1))('wh_1'));
    expect(secretOf('wh_1')).not.toBe(secretOf('wh_2'));
    expect(secretOf('wh_1')).not.toBe(secretsUnder(new Uint8Array(32).fill(2))('wh_1'));
  });
});
