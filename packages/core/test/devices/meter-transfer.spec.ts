import { describe, expect, it } from '@jest/globals';
import {
  decideAcceptance,
  handedOver,
  type MeterTransfer,
  refuseOffer,
} from '../../src/devices/meter-transfer.js';
import { ownedSpans, ownerAt } from '../../src/devices/meter-ownership.js';
import type { StoredMeter } from '../../src/devices/meter.store.js';
import { TestDevice } from '../ingestion/test-devices.js';

const NOW = 1_000;

function meterOf(more: Partial<StoredMeter> = {}): StoredMeter {
  return new TestDevice('meter-1').stored('active', { accountId: 'ada', ...more });
}

function offerOf(more: Partial<MeterTransfer> = {}): MeterTransfer {
  return {
    id: 'transfer_1',
    meterId: 'meter-1',
    fromAccount: 'ada',
    toAccount: 'bob',
    state: 'offered',
    expiresAtMs: NOW + 100,
    offeredAtMs: NOW,
    ...more,
  };
}

const frozen = {
  mintingSuspended: { reason: 'sequence_equivocation', entryId: 'log_0', atMs: 1 },
} as const;
const ahead = { accountId: 'bob', formerOwners: [{ accountId: 'ada', untilMs: NOW + 1 }] };
const gone = { accountId: 'carl', formerOwners: [{ accountId: 'ada', untilMs: NOW }] };

describe('An offer of a meter', () => {
  it.each<[string, StoredMeter | undefined, MeterTransfer | undefined, string | undefined]>([
    ['is made of what is mine', meterOf(), undefined, undefined],
    ['takes the place of one that expired', meterOf(), offerOf({ expiresAtMs: NOW }), undefined],
    [
      'takes the place of one whose time has passed',
      meterOf(),
      offerOf({ effectiveAtMs: NOW - 1 }),
      undefined,
    ],
    ['is not made of nothing', undefined, undefined, 'meter_not_found'],
    ['is not made of what was handed over', meterOf(gone), undefined, 'meter_not_found'],
    ['is not made of what will be another’s', meterOf(ahead), undefined, 'transfer_conflict'],
    ['is not made beside another', meterOf(), offerOf(), 'transfer_conflict'],
    ...(['pending', 'suspended', 'retired'] as const).map(
      (state): [string, StoredMeter, undefined, string] => [
        `is not made of a ${state} one`,
        meterOf({ state }),
        undefined,
        'meter_state_conflict',
      ],
    ),
    [
      'is not made of one whose energy is frozen',
      meterOf(frozen),
      undefined,
      'meter_state_conflict',
    ],
  ])('%s', (_what, meter, open, code) => {
    expect(refuseOffer({ meter, open }, offerOf({ id: 'transfer_2' }))?.code).toBe(code);
  });
});

describe('Accepting a meter', () => {
  const accept = (
    transfer: MeterTransfer | undefined,
    {
      meter = meterOf(),
      accountId = 'bob',
      ...known
    }: {
      meter?: StoredMeter;
      accountId?: string;
      lastStartMs?: number;
      promisedUntilMs?: number;
    } = {},
  ) => {
    const outcome = decideAcceptance(
      { meter },
      transfer,
      { transferId: 'transfer_1', accountId, atMs: NOW },
      known,
    );
    return outcome.kind === 'done' ? outcome.transfer.effectiveAtMs : outcome.code;
  };

  it('takes effect when it says, or at the first millisecond from which nothing is stored', () => {
    expect(accept(offerOf())).toBe(NOW);
    expect(accept(offerOf(), { lastStartMs: NOW - 2 })).toBe(NOW);
    expect(accept(offerOf(), { lastStartMs: NOW })).toBe(NOW + 1);
    expect(accept(offerOf({ effectiveAtMs: NOW }))).toBe(NOW);
    expect(accept(offerOf({ effectiveAtMs: NOW + 50 }), { lastStartMs: NOW + 49 })).toBe(NOW + 50);
    expect(accept(offerOf(), { promisedUntilMs: NOW })).toBe(NOW);
    // Whoever got it just now has it for a millisecond.
    const just = meterOf({ formerOwners: [{ accountId: 'carl', untilMs: NOW }] });
    expect(accept(offerOf(), { meter: just })).toBe(NOW + 1);
    expect(accept(offerOf({ effectiveAtMs: NOW }), { meter: just })).toBe('transfer_conflict');
  });

  it.each<[string, MeterTransfer | undefined, Parameters<typeof accept>[1], string]>([
    ['of nothing', undefined, {}, 'transfer_not_found'],
    ['by its owner', offerOf(), { accountId: 'ada' }, 'transfer_not_yours'],
    ['by anybody else', offerOf(), { accountId: 'carl' }, 'transfer_not_found'],
    ['twice', offerOf({ state: 'accepted' }), {}, 'transfer_closed'],
    ['after it was withdrawn', offerOf({ state: 'withdrawn' }), {}, 'transfer_closed'],
    ['after it has expired', offerOf({ expiresAtMs: NOW }), {}, 'transfer_expired'],
    ['after its time', offerOf({ effectiveAtMs: NOW - 1 }), {}, 'transfer_expired'],
    [
      'while it is suspended',
      offerOf(),
      { meter: meterOf({ state: 'suspended' }) },
      'meter_state_conflict',
    ],
    ['while its energy is frozen', offerOf(), { meter: meterOf(frozen) }, 'meter_state_conflict'],
    ['that is another’s by now', offerOf(), { meter: meterOf(gone) }, 'transfer_conflict'],
    ['that will be another’s', offerOf(), { meter: meterOf(ahead) }, 'transfer_conflict'],
    [
      'with a reading behind it',
      offerOf({ effectiveAtMs: NOW + 5 }),
      { lastStartMs: NOW + 5 },
      'transfer_conflict',
    ],
    ['with a promise behind it', offerOf(), { promisedUntilMs: NOW + 1 }, 'transfer_conflict'],
  ])('is refused %s', (_what, transfer, known, code) => {
    expect(accept(transfer, known)).toBe(code);
  });
});

describe('Owners', () => {
  it('follow each other without a gap, however often a meter is handed over', () => {
    let meter = meterOf({ owner: 'Ada' });
    for (const [i, owner] of ['Bob', undefined, 'Carl'].entries())
      meter = handedOver(meter, offerOf({ toAccount: `account-${i}` }), NOW + i, owner);
    expect(ownedSpans(meter)).toEqual([
      { accountId: 'ada', owner: 'Ada', untilMs: NOW },
      { accountId: 'account-0', owner: 'Bob', fromMs: NOW, untilMs: NOW + 1 },
      { accountId: 'account-1', fromMs: NOW + 1, untilMs: NOW + 2 },
      { accountId: 'account-2', owner: 'Carl', fromMs: NOW + 2 },
    ]);
    expect([-1, 0, 1, 2, 3].map((ms) => ownerAt(meter, NOW + ms).accountId)).toEqual([
      'ada',
      'account-0',
      'account-1',
      'account-2',
      'account-2',
    ]);
  });
});
