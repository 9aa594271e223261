import assert from 'node:assert/strict';
import {
  type Anchor,
  type Commitment,
  type ExportedProof,
  isAnchorError,
  type ProofToExport,
} from '../../spi/index.js';
import { concat, utf8 } from '../../verify/bytes.js';
import { commitmentOf, commitmentPrefix } from '../../verify/commitment.js';
import { sha256 } from '../../verify/sha256.js';
import { SUITE_ORIGIN, suiteIntent } from './commitments.js';
import type { SuiteContext } from './suite-context.js';
import { included, signal } from './suite-kit.js';

/** Blocks on top of an inclusion after which it is final, unless the ledger says so earlier. */
const BURIED_BLOCKS = 12;
const NOTHING = new Uint8Array(0);
const UNKNOWN_FORMAT = 'no-such-format';

/** An entry alone in the log of `size`, and what is hashed between the two. */
function entryOf(size: number): Pick<ProofToExport, 'digest' | 'steps' | 'commitment'> {
  const digest = sha256(utf8(`entry ${size}`));
  const leaf = Uint8Array.of(0);
  const commitment = commitmentOf(SUITE_ORIGIN, size, sha256(concat(leaf, digest)));
  return {
    digest,
    commitment,
    steps: [
      { prefix: leaf, suffix: NOTHING },
      { prefix: commitmentPrefix(SUITE_ORIGIN, size), suffix: NOTHING },
    ],
  };
}

/** Proofs in the forms of the ledger's own world: those declared, of what they prove, and no others. */
export function exportTests<World>({ options, it, withAnchor }: SuiteContext<World>): void {
  const { setDown } = options;
  const { exports: declared = [] } = options.plugin.capabilities;

  const finalProof = async (
    anchor: Anchor,
    world: World,
    size: number,
  ): Promise<Omit<ProofToExport, 'format'>> => {
    const entry = entryOf(size);
    const intent = suiteIntent(entry.commitment);
    const attempt = await included(options, world, anchor, intent);
    for (let block = 0; block < BURIED_BLOCKS; block += 1) {
      const [seen] = await anchor.observe([attempt], signal());
      if (seen?.status === 'final') break;
      await options.settle(world);
    }
    return { ...entry, evidence: await anchor.evidence(intent, attempt, signal()) };
  };

  if (declared.length === 0) {
    it(
      'declares every format that it writes',
      withAnchor(async (anchor) => {
        assert.equal(anchor.exportProof, undefined, 'capabilities.exports names none');
      }),
    );
    return;
  }

  it(
    'writes the proof of a final commitment in each format it declares without asking its ledger, and in no other',
    withAnchor(async (anchor, world) => {
      const proof = await finalProof(anchor, world, 1);
      await setDown(world, true);
      for (const format of declared) {
        const exported = await anchor.exportProof?.({ ...proof, format });
        if (options.unexportable?.(world).includes(format)) {
          assert.equal(exported, undefined, `${format} cannot say this evidence`);
          continue;
        }
        assert.ok(exported, `${format} is declared`);
        assert.ok(exported.bytes.length > 0, `a proof as ${format} has bytes`);
        assert.match(exported.mediaType, /^[\w.+-]+\/[\w.+-]+$/);
        assert.match(exported.extension, /^[a-z0-9][a-z0-9.-]*$/);
        const again = await anchor.exportProof?.({ ...proof, format });
        assert.deepEqual(again, exported, 'one proof is one file');
      }
      const other = await refusedOr(anchor, { ...proof, format: UNKNOWN_FORMAT });
      assert.equal(other, undefined, `wrote ${UNKNOWN_FORMAT}, which it does not declare`);
      await setDown(world, false);
    }),
  );

  it(
    'writes no file of a proof whose steps or evidence are of another commitment',
    withAnchor(async (anchor, world) => {
      const [proof, other] = [
        await finalProof(anchor, world, 1),
        await finalProof(anchor, world, 2),
      ];
      const foreign: readonly [what: string, proof: Omit<ProofToExport, 'format'>][] = [
        ['an entry of another log', { ...proof, digest: other.digest }],
        ['the steps of another entry', { ...proof, steps: other.steps }],
        ['no steps', { ...proof, steps: [] }],
        ['evidence of another commitment', { ...proof, evidence: other.evidence }],
        ['another commitment', { ...proof, commitment: changedRoot(proof.commitment) }],
      ];
      for (const format of declared)
        for (const [what, given] of foreign)
          assert.equal(
            await refusedOr(anchor, { ...given, format }),
            undefined,
            `${format}: ${what}`,
          );
    }),
  );
}

const changedRoot = ({ origin, size }: Commitment): Commitment =>
  commitmentOf(origin, size, sha256(utf8('another root')));

/** What it writes; undefined when it refuses in either way. */
async function refusedOr(anchor: Anchor, proof: ProofToExport): Promise<ExportedProof | undefined> {
  try {
    return await anchor.exportProof?.(proof);
  } catch (error) {
    assert.ok(isAnchorError(error), `AnchorError expected, got ${String(error)}`);
    return undefined;
  }
}
