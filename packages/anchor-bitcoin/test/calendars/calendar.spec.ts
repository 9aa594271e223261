import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { attestationsOf } from '@wattproof/anchor-bitcoin/verify';
import { Calendar } from '../../src/calendars/calendar.js';

const { signal } = new AbortController();
const URL_OF = 'https://calendar.example';
const digest = Uint8Array.from(createHash('sha256').update('x').digest());
const PENDING = '0083dfe30d2ef90c8e0908' + Buffer.from('https://').toString('hex');
const BITCOIN = '000588960d73d7190103e6ef15';
const UNKNOWN = '00010203040506070800';

function calendar(answer: () => Response | Promise<Response>, timeoutMs = 10_000) {
  const asked: { url: string; init: RequestInit }[] = [];
  const request = (async (url: string, init: RequestInit) => {
    asked.push({ url, init });
    return answer();
  }) as typeof fetch;
  return { asked, client: new Calendar(URL_OF, timeoutMs, request) };
}
const bytes = (hex: string) => () => new Response(Buffer.from(hex, 'hex'));
const status = (code: number) => () => new Response('no', { status: code });

describe('a calendar', () => {
  it('is given a digest and asked for what became of it, at its own address alone', async () => {
    const { asked, client } = calendar(bytes(PENDING));
    expect([...attestationsOf(await client.submit(digest, signal))]).toMatchObject([
      { attestation: { kind: 'pending', uri: 'https://' } },
    ]);
    // Another promise is no news, and nobody goes where it points.
    expect(await client.upgraded(digest, signal)).toBeUndefined();
    expect(asked.map(({ url }) => url)).toEqual([
      `${URL_OF}/digest`,
      `${URL_OF}/timestamp/${Buffer.from(digest).toString('hex')}`,
    ]);
    expect(asked.every(({ init }) => init.redirect === 'error')).toBe(true);
    expect(await calendar(status(404)).client.upgraded(digest, signal)).toBeUndefined();
  });

  it('shows blocks, of which only the ways to them are kept', async () => {
    const grown = `ff${PENDING}ff${UNKNOWN}ff08${BITCOIN}${BITCOIN}`;
    const upgraded = await calendar(bytes(grown)).client.upgraded(digest, signal);
    expect([...attestationsOf(upgraded!)].map(({ attestation }) => attestation)).toEqual([
      { kind: 'bitcoin', height: 358_374 },
      { kind: 'bitcoin', height: 358_374 },
    ]);
  });

  it.each([
    ['what is no timestamp', bytes('3c68746d6c3e')],
    ['nothing', bytes('')],
    ['more than the reference reads', () => new Response(Buffer.alloc(10_001))],
    [
      'without end',
      () => new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(4096)) })),
    ],
    ['ten thousand operations', bytes('08'.repeat(9_980) + BITCOIN)],
    ['a message that grows without bound', bytes('f3'.repeat(60) + BITCOIN)],
    ['hundreds of promises', bytes(`ff${PENDING}`.repeat(400) + PENDING)],
    ['hundreds of blocks', bytes(`ff${BITCOIN}`.repeat(400) + BITCOIN)],
    ['a timestamp of something else behind this one', bytes(BITCOIN + BITCOIN)],
    ['a height beyond all numbers', bytes('000588960d73d719010bffffffffffffffffffff7f')],
    ['a promise at an address with a space', bytes('0083dfe30d2ef90c8e0403612062')],
    ['a server error', status(500)],
    ['overload', status(429)],
    ['a refusal', status(403)],
  ])('is not taken at its word when it answers %s', async (_what, answer) => {
    for (const ask of ['submit', 'upgraded'] as const)
      await expect(calendar(answer).client[ask](digest, signal)).rejects.toMatchObject({
        name: 'AnchorError',
        reason: 'unavailable',
        message: expect.stringContaining(URL_OF),
      });
  });

  it('is not waited for longer than it was told, and not followed elsewhere', async () => {
    const asked: string[] = [];
    const server = createServer(({ url }, response) => {
      asked.push(url!);
      if (url === '/within/digest') response.writeHead(200).write('\0');
      if (url === '/elsewhere/digest') response.writeHead(307, { location: '/taken' }).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    for (const path of ['silent', 'within', 'elsewhere'])
      await expect(
        new Calendar(`http://127.0.0.1:${port}/${path}`, 100).submit(digest, signal),
      ).rejects.toMatchObject({ name: 'AnchorError', reason: 'unavailable' });
    expect(asked).toEqual(['/silent/digest', '/within/digest', '/elsewhere/digest']);
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
});
