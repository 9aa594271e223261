import assert from 'node:assert/strict';
import {
  type Anchor,
  type AnchorIntent,
  type Attempt,
  type Commitment,
  type Evidence,
  type EvidenceVerdict,
  isAnchorError,
  type PrepareOptions,
} from '../../spi/index.js';
import type { AnchorSuiteOptions } from './suite-options.js';

export const signal = (): AbortSignal => new AbortController().signal;
export const bump = (level: number): PrepareOptions => ({ bump: level, signal: signal() });

/** Most blocks a test waits for an inclusion. */
const PATIENCE_BLOCKS = 20;

/** Prepares, signs and numbers one attempt, without sending it. */
export async function attemptOf(
  anchor: Anchor,
  intent: AnchorIntent,
  prior: readonly Attempt[] = [],
): Promise<Attempt> {
  const draft = await anchor.prepare(intent, prior, bump(prior.length));
  const signed = await anchor.sign(intent, draft, signal());
  return {
    ...signed,
    intentId: intent.id,
    number: prior.length,
    state: 'signed',
    createdAtMs: intent.createdAtMs,
  };
}

/** A child that is to make `parent` dearer, without sending it. */
export async function childOf(
  anchor: Anchor,
  intent: AnchorIntent,
  parent: Attempt,
  prior: readonly Attempt[],
): Promise<Attempt> {
  const draft = await anchor.prepare(intent, prior, { ...bump(prior.length), parent });
  const signed = await anchor.sign(intent, draft, signal());
  return { ...parent, ...signed, childOf: parent.txId, number: prior.length };
}

/** Publishes a commitment by hand and waits until it is in a block. */
export async function included<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  anchor: Anchor,
  intent: AnchorIntent,
): Promise<Attempt> {
  const attempt = await attemptOf(anchor, intent);
  await anchor.broadcast(attempt, signal());
  return waitIncluded(options, world, anchor, attempt);
}

export async function waitIncluded<World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  anchor: Anchor,
  attempt: Attempt,
): Promise<Attempt> {
  for (let block = 0; block < PATIENCE_BLOCKS; block += 1) {
    const [seen] = await anchor.observe([attempt], signal());
    assert.equal(seen?.txId, attempt.txId, 'observe answers for the attempt it was asked about');
    if (seen.status === 'included' || seen.status === 'final') {
      assert.ok(seen.inclusion, 'an included attempt comes with its inclusion');
      return { ...attempt, state: 'included', inclusion: seen.inclusion };
    }
    await options.settle(world);
  }
  return assert.fail(`not included after ${PATIENCE_BLOCKS} blocks`);
}

export const check = <World>(
  options: AnchorSuiteOptions<World>,
  world: World,
  commitment: Commitment,
  evidence: Evidence,
): Promise<EvidenceVerdict> =>
  options.verifier.verify(commitment, evidence, {
    trustedKeys: options.trustedKeys?.(world) ?? [],
    ...(options.headers ? { headers: options.headers(world) } : {}),
  });

export async function rejectsWith(reason: string, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isAnchorError(error), `AnchorError expected, got ${String(error)}`);
    assert.equal(error.reason, reason);
    return true;
  });
}
