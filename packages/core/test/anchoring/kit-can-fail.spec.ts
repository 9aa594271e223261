import { AnchorError, type AnchorIntent, type Attempt } from '../../src/spi/index.js';
import { suiteCommitment, suiteIntent } from '../../src/testing/anchor-suite/commitments.js';
import { decodeFake, fakeSuite } from '../../src/testing/fake-ledger/index.js';
import { failuresOf, fails, resigned, type Suite, wrong } from './wrong-anchors.js';

const WRITES =
  'writes the proof of a final commitment in each format it declares without asking its ledger, and in no other';

describe('the anchor conformance kit', () => {
  it('passes the anchor that the wrong ones are made from', async () => {
    expect(await failuresOf(wrong(() => ({})))).toEqual([]);
  });

  const cases: [what: string, options: Suite, test: string][] = [
    [
      'whose verifier accepts everything',
      {
        ...fakeSuite('ledger'),
        verifier: {
          type: 'fake/1',
          verify: async () => ({ ok: true, trust: 'rpc-quorum', statement: 'trust me' }),
        },
      },
      'refuses evidence for another root, size or origin',
    ],
    [
      'whose verifier does not look at the header',
      {
        ...fakeSuite('ledger'),
        verifier: {
          type: 'fake/1',
          verify: async (commitment, { body }) => {
            const digest = Buffer.from(commitment.digest).toString('hex');
            const tx = Buffer.from(String(body['tx']), 'hex').toString();
            const mine = tx.includes(digest) && tx.includes(`"size":"${commitment.size}"`);
            return mine && tx.includes(commitment.origin)
              ? { ok: true, trust: 'rpc-quorum', statement: 'in some block' }
              : { ok: false, code: 'other', detail: 'other' };
          },
        },
      },
      'refuses evidence that differs in any part of its body',
    ],
    [
      'that sends another transaction each time',
      wrong((right, ledger) => {
        let sent = 0;
        return {
          broadcast: async (attempt) => {
            sent += 1;
            const other = resigned(attempt, { conflictKey: `${attempt.conflictKey}/${sent}` });
            await right.broadcast(attempt, new AbortController().signal);
            return ledger.submit(other.signed);
          },
        };
      }),
      'sends the same bytes any number of times as one transaction',
    ],
    [
      'that goes on when it is told to stop',
      wrong((right) => ({
        broadcast: (attempt) => right.broadcast(attempt, new AbortController().signal),
      })),
      'sends nothing when it was told to stop before',
    ],
    [
      'that chooses a new conflict key for each attempt',
      wrong((right) => ({
        prepare: (intent, _prior, options) => right.prepare(intent, [], options),
      })),
      'reuses the conflict key while an attempt can still win, and at most one wins',
    ],
    [
      'that does not say which block the winner of a conflict is in',
      wrong((right) => ({
        observe: async (attempts, signal) =>
          (await right.observe(attempts, signal)).map(({ inclusion, ...seen }) =>
            seen.status === 'conflicted' || !inclusion ? seen : { ...seen, inclusion },
          ),
      })),
      'names the winner and its block to an attempt whose place another of ours took',
    ],
    [
      'whose child leaves its parent behind',
      wrong(
        (right, ledger) => ({
          broadcast: async (attempt, signal) => {
            const sent = await right.broadcast(attempt, signal);
            if (decodeFake(attempt.signed).parent !== undefined) ledger.evictAll();
            return sent;
          },
        }),
        'ledger',
        ['child'],
      ),
      'pays for a stuck attempt by a child that brings its parent along and holds no commitment',
    ],
    [
      'that does not say that what waits is irreplaceable',
      wrong(
        (right) => ({
          broadcast: async (attempt, signal) => {
            try {
              return await right.broadcast(attempt, signal);
            } catch (error) {
              throw new AnchorError('conflict', (error as Error).message);
            }
          },
        }),
        'ledger',
        ['replace', 'child'],
      ),
      'says irreplaceable of a replacement where the ledger keeps what waits, and a child pays for that',
    ],
    [
      'that signs one draft to different transactions',
      wrong((right) => {
        let signatures = 0;
        return {
          sign: async (intent, draft, signal) => {
            signatures += 1;
            return resigned(await right.sign(intent, draft, signal), { nonce: signatures });
          },
        };
      }),
      'signs one draft to one transaction, also after the draft went through JSON',
    ],
    [
      'that gives evidence of another commitment',
      wrong((right, ledger) => ({
        evidence: async (_intent, _attempt, signal) => {
          const other: AnchorIntent = suiteIntent(suiteCommitment(9));
          const draft = await right.prepare(other, [], { bump: 0, signal });
          const signed = await right.sign(other, draft, signal);
          await right.broadcast(signed, signal);
          ledger.mine();
          const attempt: Attempt = {
            ...signed,
            intentId: other.id,
            number: 0,
            state: 'included',
            createdAtMs: 0,
          };
          return right.evidence(other, attempt, signal);
        },
      })),
      'proves an included commitment with the trust it declares',
    ],
    [
      'that forgets what it sent after a restart',
      wrong((right) => {
        const sent = new Set<string>();
        return {
          broadcast: (attempt, signal) => {
            sent.add(attempt.txId);
            return right.broadcast(attempt, signal);
          },
          observe: async (attempts, signal) =>
            (await right.observe(attempts, signal)).map((seen) =>
              sent.has(seen.txId) ? seen : { txId: seen.txId, status: 'missing' },
            ),
        };
      }),
      'asks the ledger and not its memory where a transaction stands',
    ],
    [
      'that sends while it signs',
      wrong((right, ledger) => ({
        sign: async (intent, draft, signal) => {
          const signed = await right.sign(intent, draft, signal);
          await ledger.submit(signed.signed);
          return signed;
        },
      })),
      'signs one draft to one transaction, also after the draft went through JSON',
    ],
    [
      'that claims expiry too early',
      wrong(
        (right) => ({
          observe: async (attempts, signal) =>
            (await right.observe(attempts, signal)).map((seen) =>
              seen.status === 'missing' ? { txId: seen.txId, status: 'expired' } : seen,
            ),
        }),
        'expiry',
      ),
      'tells a reorganised transaction from an included one, and the same bytes bring it back',
    ],
    [
      'that never proves expiry',
      wrong(
        (right) => ({
          observe: async (attempts, signal) =>
            (await right.observe(attempts, signal)).map((seen) =>
              seen.status === 'expired' ? { txId: seen.txId, status: 'missing' } : seen,
            ),
        }),
        'expiry',
      ),
      'proves that bytes have expired, and they are never included afterwards',
    ],
    [
      'whose ledger takes bytes that have expired',
      wrong(
        (right, ledger) => ({
          broadcast: (attempt) => ledger.submit(resigned(attempt, { validUntil: null }).signed),
        }),
        'expiry',
      ),
      'proves that bytes have expired, and they are never included afterwards',
    ],
    [
      'that declares a format and writes nothing in it',
      wrong(() => ({ exportProof: async () => undefined })),
      WRITES,
    ],
    [
      'that writes an empty file',
      wrong(() => ({
        exportProof: async () => ({
          mediaType: 'application/json',
          extension: 'json',
          bytes: new Uint8Array(0),
        }),
      })),
      WRITES,
    ],
    [
      'that asks its ledger in order to write a proof',
      wrong((right, ledger) => ({
        exportProof: async (proof) => {
          await ledger.tip();
          return right.exportProof?.(proof);
        },
      })),
      WRITES,
    ],
    [
      'that writes formats it does not declare',
      wrong((right) => ({
        exportProof: async (proof) => right.exportProof?.({ ...proof, format: 'fake' }),
      })),
      WRITES,
    ],
    [
      'that writes formats and declares none',
      {
        ...fakeSuite('ledger'),
        plugin: Object.freeze({
          ...fakeSuite('ledger').plugin,
          capabilities: { ...fakeSuite('ledger').plugin.capabilities, exports: [] },
        }),
      } as Suite,
      'declares every format that it writes',
    ],
    [
      'that writes a proof with the evidence of another commitment',
      wrong(() => ({
        exportProof: async ({ format, digest, evidence }) =>
          format === 'fake'
            ? {
                mediaType: 'application/json',
                extension: 'json',
                bytes: Buffer.from(JSON.stringify([Buffer.from(digest).toString('hex'), evidence])),
              }
            : undefined,
      })),
      'writes no file of a proof whose steps or evidence are of another commitment',
    ],
    [
      'whose suite cannot make fees rise',
      { ...fakeSuite('ledger'), feeFloor: undefined } as unknown as Suite,
      'declares capabilities that fit together',
    ],
    [
      'that ignores the fee cap',
      wrong((right) => ({
        prepare: (intent, prior, { bump, signal }) =>
          right.prepare(intent, prior, { bump, signal }),
      })),
      'refuses to prepare above the fee cap',
    ],
    [
      'that throws what it likes',
      wrong((right) => ({
        broadcast: (attempt, signal) =>
          right.broadcast(attempt, signal).catch((error: Error) => {
            throw new Error(error.message);
          }),
      })),
      'calls an unreachable ledger unavailable and itself not ready',
    ],
    [
      'whose configuration swallows unknown keys',
      {
        ...fakeSuite('ledger'),
        plugin: Object.freeze({
          ...fakeSuite('ledger').plugin,
          config: {
            '~standard': { version: 1, vendor: 'none', validate: (value: unknown) => ({ value }) },
          },
        }),
      } as Suite,
      'accepts its configuration and refuses a key it does not know',
    ],
    [
      'that answers observations out of order',
      wrong((right) => ({
        observe: async (attempts, signal) => (await right.observe(attempts, signal)).toReversed(),
      })),
      'observes attempts in the order asked, whether the ledger has them or not',
    ],
  ];

  it.each(cases)('fails an anchor %s', async (_what, options, test) => {
    expect(await fails(test, options)).toBe(true);
  });

  it('sees the second transaction that only a crash brings about', async () => {
    const sendsWhileSigning = wrong((right, ledger) => ({
      findExisting: async () => undefined,
      sign: async (intent, draft, signal) => {
        const signed = await right.sign(intent, draft, signal);
        await ledger.submit(signed.signed).catch(() => undefined);
        return signed;
      },
    }));
    const cut = 'publishes each commitment at most once wherever the process is cut';
    const through = 'takes every commitment to final through the engine, once and with evidence';
    expect(await fails(cut, sendsWhileSigning, { points: 1_000 })).toBe(true);
    expect(await fails(through, sendsWhileSigning)).toBe(false);
  });
});
