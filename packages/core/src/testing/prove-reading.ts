import assert from 'node:assert/strict';
import { createFleet, readingDocument } from '../simulator/fleet.js';
import { GatewayClient } from '../simulator/gateway-client.js';
import type { TestGateway } from './start-test-gateway.js';

/** A reading that went all the way: signed by a device, sealed in a batch, anchored. */
export interface ProvenReading {
  /** Id of its log entry. */
  readonly id: string;
  /** What became of its batch on every ledger, as `GET /batches/ID/anchors` says it. */
  readonly anchors: readonly { readonly anchor: string; readonly state: string }[];
  /** Its proof, `?format=bundle`. */
  readonly bundle: string;
}

/** Asks the gateway's API, `/api/v1`, with the administrator's key. */
export function askGateway(gateway: TestGateway, path: string, method = 'GET'): Promise<Response> {
  return fetch(`${gateway.url}/api/v1${path}`, {
    method,
    headers: { 'x-api-key': gateway.adminKey },
  });
}

/**
 * Sends one reading of a simulated meter through a gateway with open registration, seals it and lets `blocks` blocks pass; `mine` adds
 * one block to every ledger. Rejects when the reading is not accepted.
 */
export async function proveReading(
  gateway: TestGateway,
  mine: () => Promise<unknown>,
  blocks: number,
): Promise<ProvenReading> {
  const client = new GatewayClient(gateway.url, { apiKey: gateway.adminKey });
  const [member] = createFleet({ seed: 3, size: 1 });
  assert.ok(member);
  const { device, meter } = member;
  await client.register(member, await client.origin());
  const endsMs = gateway.clock.nowMs() - 60_000;
  const reading = readingDocument(meter, meter.interval(endsMs - 900_000, endsMs), 1);
  const { verdicts } = await client.submit(device.signReading('reading/1', reading));
  assert.equal(verdicts?.[0]?.verdict, 'accepted', JSON.stringify(verdicts));
  const { id } = verdicts[0] as { readonly id: string };

  const flushed = await askGateway(gateway, '/batches/flush', 'POST');
  const batch = (await flushed.json()) as { readonly id: string };
  await gateway.settle();
  for (let block = 0; block < blocks; block += 1) {
    await mine();
    await gateway.settle();
  }
  const state = await askGateway(gateway, `/batches/${batch.id}/anchors`);
  const { anchors } = (await state.json()) as Pick<ProvenReading, 'anchors'>;
  const bundle = await (await askGateway(gateway, `/logs/${id}/proof?format=bundle`)).text();
  return { id, anchors, bundle };
}
