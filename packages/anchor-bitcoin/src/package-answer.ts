import { z } from 'zod';
import { RpcError } from './bitcoin-rpc.js';

const PackageAnswer = z.object({
  package_msg: z.string(),
  'tx-results': z.record(z.string(), z.object({ error: z.string().optional() })),
});

/** What Bitcoin Core's `submitpackage` says; throws `RpcError` with its words when it did not take all of it. */
export function readPackageAnswer(answer: unknown): void {
  const { package_msg: message, 'tx-results': results } = PackageAnswer.parse(answer);
  if (message === 'success') return;
  const errors = Object.values(results).flatMap(({ error }) => error ?? []);
  throw new RpcError('submitpackage', REJECTED, [message, ...errors].join(': '));
}

/** Core's RPC_VERIFY_REJECTED, which `submitpackage` does not say itself. */
const REJECTED = -26;
