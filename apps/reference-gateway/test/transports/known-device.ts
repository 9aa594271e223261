import {
  createFleet,
  type FleetMember,
  GatewayClient,
  readingDocument,
} from '@wattproof/core/simulator';
import type { TestGateway } from '@wattproof/core/testing';

/** A registered meter, a device that signs for it, and an API key that speaks for it alone. */
export interface KnownDevice {
  readonly id: string;
  readonly key: string;
  readonly keyId: string;
  /** Its next reading, as JSON. */
  reading(): string;
}

/** Registers `count` meters with a gateway whose registration is open. */
export async function knownDevices(gateway: TestGateway, count: number): Promise<KnownDevice[]> {
  const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
  const origin = await client.origin();
  return Promise.all(
    createFleet({ seed: 23, size: count }).map(async (member) => {
      await client.register(member, origin);
      return known(gateway, member);
    }),
  );
}

async function known(gateway: TestGateway, { meter, device }: FleetMember): Promise<KnownDevice> {
  const answer = await fetch(`${gateway.url}/api/v1/admin/api-keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': gateway.adminKey },
    body: JSON.stringify({ meter_id: meter.meterId }),
  });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`No key: ${answer.status} ${text}`);
  const { key, id } = JSON.parse(text) as { readonly key: string; readonly id: string };
  const startsMs = gateway.clock.nowMs() - 3_600_000;
  let sequence = 0;
  return {
    id: meter.meterId,
    key,
    keyId: id,
    reading() {
      const at = startsMs + sequence * 1000;
      sequence += 1;
      const document = readingDocument(meter, meter.interval(at, at + 1000), sequence);
      return JSON.stringify(device.signReading('reading/1', document));
    },
  };
}
