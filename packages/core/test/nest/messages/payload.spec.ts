import { describe, expect, it } from '@jest/globals';
import { contentTypeOf } from '../../../src/nest/messages/content-type.js';
import { nestPacket } from '../../../src/nest/messages/nest-packet.js';
import { readPayload } from '../../../src/nest/messages/payload.js';
import { SUBMIT_READINGS } from '../../../src/nest/messages/subjects.js';
import { utf8 } from '../../../src/verify/bytes.js';

function told(data: unknown): object {
  const payload = readPayload(data);
  return 'bytes' in payload
    ? { ...payload, bytes: Buffer.from(payload.bytes).toString('utf8') }
    : { code: payload.code };
}
const wire = (text: string, answerTo?: string) => nestPacket(utf8(text), SUBMIT_READINGS, answerTo);

describe('What a message holds', () => {
  it('is what was written, digit by digit, from clients of Nest and from others', () => {
    const reading = '{"kwh": 8.20, "seq": 9007199254740993}';
    const packet = wire(`{"pattern": "${SUBMIT_READINGS}", "id": "7", "data": ${reading} }`);
    expect(packet).toMatchObject({ pattern: SUBMIT_READINGS, id: '7', data: { answered: true } });
    expect(told(packet.data)).toEqual({ bytes: reading });
    const plain = wire(reading, '_INBOX.1');
    expect(plain).toMatchObject({ pattern: SUBMIT_READINGS, id: '_INBOX.1' });
    expect(told(plain.data)).toEqual({ bytes: reading });
    expect(wire(reading)).not.toHaveProperty('id');
  });

  it('is refused where a parser has already lost digits', () => {
    expect(told({ seq: 2 ** 60 })).toEqual({ code: 'json_number_precision' });
    expect(told({ items: [{ kwh: -0 }] })).toEqual({ code: 'json_number_precision' });
    expect(told({ kwh: 0 })).toEqual({ bytes: '{"kwh":0}' });
    expect(told({ seq: 7, kwh: 8.2 })).toEqual({ bytes: '{"seq":7,"kwh":8.2}' });
  });

  it('may stand beside its key and content type', () => {
    const beside = { apiKey: 'wpk_1', contentType: 'text/plain', payload: 'OCMF|{}|{}' };
    expect(told(beside)).toEqual({
      bytes: 'OCMF|{}|{}',
      apiKey: 'wpk_1',
      contentType: 'text/plain',
    });
    expect(told(wire(JSON.stringify(beside)).data)).toEqual(told(beside));
    expect(told({ payload: { payload: 1 } })).toEqual({ bytes: '{"payload":1}' });
    expect(told({ apiKey: 7, payload: {} })).toEqual({ code: 'envelope_invalid' });
    // An envelope that happens to have such a field is one all the same.
    expect(told({ payload: 'x', signature: 'y' })).toEqual({
      bytes: '{"payload":"x","signature":"y"}',
    });
  });

  it('is bytes in every form that bytes take, and whatever else is garbage', () => {
    expect(told(utf8('[1]'))).toEqual({ bytes: '[1]' });
    expect(told(JSON.parse(JSON.stringify(Buffer.from('[1]'))))).toEqual({ bytes: '[1]' });
    expect(told({ type: 'Buffer', data: ['x'] })).toEqual({ code: 'json_syntax' });
    for (const none of [undefined, null, 7, true])
      expect(told(none)).toEqual({ code: 'message_empty' });
    expect(told(wire('{"pattern":').data)).toEqual({ bytes: '{"pattern":' });
    const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`) as unknown;
    expect(['bytes', 'code']).toContain(Object.keys(told(deep))[0]);
    const binary = Uint8Array.of(0xff, 0xfe, 0);
    expect(readPayload(nestPacket(binary, SUBMIT_READINGS).data)).toEqual({ bytes: binary });
  });

  it('is of the type that was named, or that it looks like', () => {
    const type = (text: string, named?: string): string => contentTypeOf(utf8(text), named);
    expect(type('{}', 'Application/X-NDJSON; charset=utf-8')).toBe('application/x-ndjson');
    expect(type(' {"a":1}\n')).toBe('application/json');
    expect(type('{"a":1}\n{"a":2}')).toBe('application/x-ndjson');
    expect(type('[{}]')).toBe('application/json');
    expect(type('OCMF|{}|{}')).toBe('text/plain');
    expect(contentTypeOf(Uint8Array.of(0xd2, 0x84), undefined)).toBe('application/cose');
  });
});
