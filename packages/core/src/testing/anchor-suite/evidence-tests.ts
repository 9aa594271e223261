import assert from 'node:assert/strict';
import type { Commitment, Evidence, JsonObject } from '../../spi/index.js';
import { TRUST_LEVELS } from '../../verify/contracts.js';
import { commitmentOf } from '../../verify/commitment.js';
import { SUITE_ANCHOR, suiteCommitment, suiteIntent } from './commitments.js';
import { mutantsOf } from './mutants.js';
import type { SuiteContext } from './suite-context.js';
import { check, included, signal } from './suite-kit.js';

/** What the evidence proves to a stranger, and what it must not. */
export function evidenceTests<World>({ options, it, withAnchor }: SuiteContext<World>): void {
  const { capabilities } = options.plugin;

  const withEvidence = (
    body: (evidence: Evidence, commitment: Commitment, world: World) => Promise<void>,
  ) =>
    withAnchor(async (anchor, world) => {
      const intent = suiteIntent(suiteCommitment(1));
      const attempt = await included(options, world, anchor, intent);
      await body(await anchor.evidence(intent, attempt, signal()), intent.commitment, world);
    });

  it(
    'proves an included commitment with the trust it declares',
    withEvidence(async (evidence, commitment, world) => {
      assert.ok(capabilities.evidence.includes(evidence.type));
      assert.equal(evidence.anchor, SUITE_ANCHOR);
      const verdict = await check(options, world, commitment, evidence);
      assert.ok(verdict.ok, verdict.ok ? '' : `${verdict.code}: ${verdict.detail}`);
      assert.equal(verdict.trust, capabilities.trust);
      assert.ok(TRUST_LEVELS.includes(evidence.trust));
    }),
  );

  it(
    'gives evidence that survives JSON',
    withEvidence(async (evidence, commitment, world) => {
      const restored = JSON.parse(JSON.stringify(evidence)) as Evidence;
      assert.deepEqual(restored, evidence);
      assert.equal((await check(options, world, commitment, restored)).ok, true);
    }),
  );

  it(
    'refuses evidence for another root, size or origin',
    withEvidence(async (evidence, { origin, root }, world) => {
      const others = [
        suiteCommitment(1, 1),
        commitmentOf(origin, 2, root),
        commitmentOf('other.example/log', 1, root),
      ];
      for (const other of others)
        assert.equal((await check(options, world, other, evidence)).ok, false);
    }),
  );

  it(
    'refuses evidence that differs in any part of its body',
    withEvidence(async (evidence, commitment, world) => {
      let tried = 0;
      for (const { path, value } of mutantsOf(evidence.body)) {
        const verdict = await check(options, world, commitment, {
          ...evidence,
          body: value as JsonObject,
        });
        assert.equal(verdict.ok, false, `accepted although ${path} differs`);
        tried += 1;
      }
      assert.ok(tried > 0, 'the evidence has a body');
    }),
  );

  if (capabilities.reorgs && options.headers)
    it(
      'refuses evidence of a block that was reorganised away',
      withAnchor(async (anchor, world) => {
        const intent = suiteIntent(suiteCommitment(1));
        const attempt = await included(options, world, anchor, intent);
        const evidence = await anchor.evidence(intent, attempt, signal());
        await options.reorg?.(world, attempt.inclusion?.depth ?? 1);
        assert.equal((await check(options, world, intent.commitment, evidence)).ok, false);
      }),
    );
}
