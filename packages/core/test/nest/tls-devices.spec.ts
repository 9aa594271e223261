import { createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { fingerprintOfMeterId } from '../../src/devices/meter-fingerprint.js';
import { FakeClock } from '../../src/testing/fake-clock.js';
import { startTestGateway, type TestGateway } from '../../src/testing/start-test-gateway.js';
import { unjournaled } from '../../src/testing/unjournaled.js';
import { decodeSpki, keyIdOf } from '../../src/verify/spki.js';
import { TestDevice } from '../ingestion/test-devices.js';
import { HOSTS } from './hosts.js';

const pem = (name: string): string =>
  readFileSync(new URL(`test-only-certificates/${name}.pem`, import.meta.url), 'utf8');
const ca = pem('authority');
const tls = {
  cert: pem('server'),
  key: pem('server.key'),
  clientCa: ca + pem('devices-authority'),
};
/** Within the time of the certificates. */
const NOW = Date.UTC(2027, 0, 1);

/** A client with a certificate, and the key that is in it. */
const client = (name: string, key: string) => ({ ca, cert: pem(name), key: pem(`${key}.key`) });
const CLIENTS = {
  p256: client('client', 'client'),
  ed25519: client('device', 'device'),
  expired: client('device-expired', 'device'),
  forged: client('stranger', 'client'),
  none: { ca },
} as const;
const spkiOf = (key: string): Buffer =>
  createPublicKey(pem(`${key}.key`)).export({ format: 'der', type: 'spki' });

/** A meter whose device key is the one of a certificate. */
function meterOf(meterId: string, key: string, more: Partial<StoredMeter> = {}): StoredMeter {
  const publicKey = spkiOf(key);
  const keyId = keyIdOf(publicKey);
  const { alg } = decodeSpki(publicKey)!;
  return {
    meterId,
    accountId: 'house',
    fingerprint: fingerprintOfMeterId(meterId),
    state: 'active',
    admitted: true,
    keys: [{ keyId, alg, publicKey, epoch: 0, validFromMs: 0 }],
    registeredAtMs: 0,
    ...more,
  };
}

interface Told {
  readonly status: number | string;
  /** The connection went on where another one of the same agent had ended. */
  readonly resumed?: boolean;
  readonly json: { readonly code?: string; readonly verdict?: string; readonly id?: string };
}

/** Posts over a connection of its own, or says what the handshake died of. */
function post(url: string, body: object, options: RequestOptions): Promise<Told> {
  return new Promise((resolve) => {
    const failed = ({ code }: NodeJS.ErrnoException): void =>
      resolve({ status: code ?? 'no code', json: {} });
    const headers = { 'content-type': 'application/json', ...options.headers };
    const sent = request(url, { agent: false, method: 'POST', ...options, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', failed).on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          resumed: (response.socket as TLSSocket).isSessionReused(),
          json: JSON.parse(text) as Told['json'],
        }),
      );
    });
    sent.on('error', failed).end(JSON.stringify(body));
  });
}

describe.each(HOSTS)('Devices with a certificate on %s', (host) => {
  let gateway: TestGateway;
  const clock = new FakeClock(NOW);
  const documents = new TestDevice('house of ed25519');
  let quarter = 0;

  const start = (http: object, devices: object = {}) =>
    startTestGateway({ host, clock, config: { http, devices }, parts: { plugins: [] } });
  /** An unsigned envelope of the next quarter of an hour. */
  const unsigned = (meter: string) => ({
    format: 'reading/1',
    document: documents.reading(NOW - (quarter += 1) * 900_000, { meter }),
  });
  const send = async (
    who: RequestOptions,
    meter: string,
    { at = gateway, headers = {} }: { at?: TestGateway; headers?: Record<string, string> } = {},
  ) => {
    const { status, json } = await post(`${at.url}/api/v1/readings`, unsigned(meter), {
      ...who,
      headers,
    });
    return [status, json.code ?? json.verdict];
  };

  beforeAll(async () => {
    gateway = await start({ tls: { ...tls, clientCertificate: 'optional' } });
    for (const meter of [
      meterOf('house of ed25519', 'device'),
      meterOf('house of p256', 'client'),
      meterOf('suspended', 'device', { state: 'suspended' }),
      meterOf('house of a wallet', 'device', { owner: 'W2' }),
    ])
      await gateway.services.store.meters.register(meter, unjournaled);
  });
  afterAll(() => gateway.stop());

  it('send readings of their meter without a signature, with the assurance of the transport', async () => {
    for (const name of ['ed25519', 'p256'] as const) {
      const answer = await post(
        `${gateway.url}/api/v1/readings`,
        unsigned(`house of ${name}`),
        CLIENTS[name],
      );
      expect([answer.status, answer.json.verdict]).toEqual([200, 'accepted']);
      const entry = await gateway.services.store.entries.get(answer.json.id!);
      expect([entry?.assurance, entry?.accountId, entry?.signature]).toEqual([
        'transport',
        'house',
        undefined,
      ]);
    }
  });

  it('speak for no other meter', async () => {
    expect(await send(CLIENTS.ed25519, 'house of p256')).toEqual([403, 'meter_mismatch']);
    expect(await send(CLIENTS.p256, 'house of ed25519')).toEqual([403, 'meter_mismatch']);
    expect(await send(CLIENTS.p256, 'nobody')).toEqual([403, 'meter_mismatch']);
    expect(await send(CLIENTS.ed25519, 'suspended')).toEqual([403, 'meter_suspended']);
  });

  it('are nobody when the certificate is expired, forged or missing', async () => {
    for (const who of [CLIENTS.expired, CLIENTS.forged, CLIENTS.none]) {
      for (const meter of ['house of ed25519', 'house of p256'])
        expect(await send(who, meter)).toEqual([401, 'device_signature_required']);
    }
  });

  it('submit by wallet, amount and time the same way', async () => {
    const submit = async (who: RequestOptions, meter: string, headers = {}, wallet = 'W1') => {
      const body = {
        wallet_address: wallet,
        kwh_amount: '1.5',
        reading_timestamp: new Date(NOW - (quarter += 1) * 900_000).toISOString(),
        meter_id: meter,
      };
      const { status, json } = await post(`${gateway.url}/api/v1/meters/submit`, body, {
        ...who,
        headers,
      });
      return [status, json.code ?? json.verdict];
    };
    expect(await submit(CLIENTS.ed25519, 'house of ed25519')).toEqual([200, 'accepted']);
    expect(await submit(CLIENTS.ed25519, 'house of p256')).toEqual([403, 'meter_mismatch']);
    expect(await submit(CLIENTS.ed25519, 'suspended')).toEqual([403, 'meter_suspended']);
    expect(await submit(CLIENTS.expired, 'house of ed25519')).toEqual([
      401,
      'device_signature_required',
    ]);
    expect(await submit(CLIENTS.ed25519, 'house of a wallet')).toEqual([403, 'meter_not_owned']);
    expect(await submit(CLIENTS.ed25519, 'house of a wallet', {}, 'W2')).toEqual([200, 'accepted']);
    const wanted = { accountId: 'house', role: 'device', meterId: 'house of p256' } as const;
    const { key } = await gateway.services.apiKeys.issue(wanted, 'admin');
    const device = { 'x-api-key': key };
    expect(await submit(CLIENTS.none, 'house of p256', device)).toEqual([200, 'accepted']);
    expect(await submit(CLIENTS.none, 'house of ed25519', device)).toEqual([403, 'meter_mismatch']);
  });

  it('are as much, and as little, when a session is resumed', async () => {
    const resumed = async (who: RequestOptions, meter: string) => {
      const agent = new Agent({ keepAlive: false });
      for (let tries = 0; tries < 20; tries += 1) {
        const told = await post(`${gateway.url}/api/v1/readings`, unsigned(meter), {
          ...who,
          agent,
        });
        if (told.resumed === true) return [told.status, told.json.code ?? told.json.verdict];
      }
      throw new Error('no session was resumed');
    };
    expect(await resumed(CLIENTS.ed25519, 'house of ed25519')).toEqual([200, 'accepted']);
    for (const who of [CLIENTS.expired, CLIENTS.forged])
      expect(await resumed(who, 'house of ed25519')).toEqual([401, 'device_signature_required']);
  });

  it('are nobody by what somebody wrote into a header', async () => {
    const proxied = await start({
      tls: { ...tls, clientCertificate: 'optional' },
      trustProxy: true,
    });
    await proxied.services.store.meters.register(meterOf('house of p256', 'client'), unjournaled);
    const pemText = encodeURIComponent(pem('client'));
    const der = pem('client').replaceAll(/-----.*-----|\s/g, '');
    for (const headers of [
      { 'client-cert': `:${der}:` },
      { 'x-forwarded-client-cert': `Cert="${pemText}"` },
      { 'x-ssl-client-cert': pemText, 'x-ssl-client-verify': 'SUCCESS' },
      { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' },
    ])
      for (const at of [gateway, proxied])
        expect(await send(CLIENTS.none, 'house of p256', { at, headers })).toEqual([
          401,
          'device_signature_required',
        ]);
    await proxied.stop();
  });

  it('are whom a proxy names that is told to check certificates, and only it', async () => {
    const behind = (certificateProxies: string[]) =>
      start({ tls: { ...tls, clientCertificate: 'optional' }, certificateProxies });
    const der = pem('client').replaceAll(/-----.*-----|\s/g, '');
    const expired = pem('device-expired').replaceAll(/-----.*-----|\s/g, '');
    const refused = [401, 'device_signature_required'];
    const [told, other] = await Promise.all([
      behind(['127.0.0.0/8', '::1']),
      behind(['192.0.2.1']),
    ]);
    for (const at of [told, other]) {
      await at.services.store.meters.register(meterOf('house of p256', 'client'), unjournaled);
      await at.services.store.meters.register(meterOf('house of ed25519', 'device'), unjournaled);
    }
    const by = (clientCert: string, meter: string, at = told, who: RequestOptions = CLIENTS.none) =>
      send(who, meter, { at, headers: { 'client-cert': clientCert } });
    expect(await by(`:${der}:`, 'house of p256')).toEqual([200, 'accepted']);
    expect(await by(`:${der}:`, 'house of ed25519')).toEqual([403, 'meter_mismatch']);
    expect(await by(`:${der}:`, 'house of p256', other)).toEqual(refused);
    for (const broken of [der, `:${der}`, `:${der}:, :${der}:`, ':AAAA:', ':!:', `:${expired}:`])
      for (const meter of ['house of p256', 'house of ed25519'])
        expect(await by(broken, meter)).toEqual(refused);
    // The proxy's own certificate is no device's word.
    expect(await send(CLIENTS.ed25519, 'house of ed25519', { at: told })).toEqual(refused);
    await Promise.all([told.stop(), other.stop()]);
  });

  it('are refused with their handshake where certificates are required', async () => {
    const strict = await start({ tls });
    await strict.services.store.meters.register(meterOf('house of p256', 'client'), unjournaled);
    expect(await send(CLIENTS.p256, 'house of p256', { at: strict })).toEqual([200, 'accepted']);
    for (const who of [CLIENTS.expired, CLIENTS.forged, CLIENTS.none]) {
      const [status] = await send(who, 'house of p256', { at: strict });
      expect(status).toMatch(/^ERR_SSL|^ECONNRESET/);
    }
    await strict.stop();
  });

  it('that nobody registered are as good as without, and held or taken as unsigned readings are', async () => {
    const open = await start(
      { tls: { ...tls, clientCertificate: 'optional' } },
      { unsigned: 'accept' },
    );
    const answer = await post(`${open.url}/api/v1/readings`, unsigned('anybody'), CLIENTS.p256);
    const entry = await open.services.store.entries.get(answer.json.id!);
    expect([answer.status, entry?.assurance]).toEqual([200, 'unsigned']);
    await open.stop();
  });

  it('speak no longer once the key is revoked', async () => {
    const keyId = keyIdOf(spkiOf('client'));
    const url = `${gateway.url}/api/v1/meters/house%20of%20p256/keys/${keyId}`;
    const revoked = await new Promise<number>((resolve, reject) => {
      request(
        url,
        { agent: false, ca, method: 'DELETE', headers: { 'x-api-key': gateway.adminKey } },
        (response) => resolve(response.resume().statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });
    expect(revoked).toBe(200);
    expect(await send(CLIENTS.p256, 'house of p256')).toEqual([401, 'key_revoked']);
    expect(await send(CLIENTS.ed25519, 'house of ed25519')).toEqual([200, 'accepted']);
  });

  it('speak no longer once the certificate has run out, as the gateway’s clock has it', async () => {
    await clock.advance(Date.UTC(2127, 0, 1) - NOW);
    expect(await send(CLIENTS.ed25519, 'house of ed25519')).toEqual([
      401,
      'device_signature_required',
    ]);
  });
});
