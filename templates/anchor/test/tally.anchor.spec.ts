import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Anchor, AnchorIntent, SignedAttempt } from '@wattproof/core/spi';
import { silentLogger } from '@wattproof/core/testing';
import { commitmentOf, sha256, utf8 } from '@wattproof/core/verify';
import { TallyAnchor } from '../src/tally.anchor.js';
import { TallyConfig } from '../src/tally.config.js';
import { TallyLedger } from './tally-ledger.js';

const intent: AnchorIntent = {
  id: 'aa'.repeat(32),
  anchor: 'tally',
  commitment: commitmentOf('example.org/log', 1, sha256(utf8('root'))),
  createdAtMs: 1_700_000_000_000,
};
const { signal } = new AbortController();

/** What the kit cannot know: the ways in which Tally itself says no. */
describe('an anchor on Tally', () => {
  let ledger: TallyLedger;
  let anchor: Anchor;
  beforeEach(async () => {
    ledger = await TallyLedger.listen();
    const config = { url: ledger.url, chain: 'test', key: '01'.repeat(32), maxFee: 50 };
    const context = {
      instanceId: 'tally',
      origin: 'example.org/log',
      logger: silentLogger,
      clock: { nowMs: () => 0 },
    };
    anchor = new TallyAnchor(TallyConfig.parse(config), context);
  });
  afterEach(() => ledger.close());

  const signed = async (): Promise<SignedAttempt> =>
    anchor.sign(intent, await anchor.prepare(intent, [], { bump: 0, signal }), signal);
  const rejects = (reason: string, words: RegExp, call: () => Promise<unknown>) =>
    assert.rejects(call, (error: Error & { reason?: string }) => {
      assert.equal(error.reason, reason);
      assert.match(error.message, words);
      return true;
    });

  it('pays nothing on another chain than the configured one', async () => {
    ledger.chain = 'main';
    await rejects('unavailable', /a node of "main".*says "test"/, () => signed());
    assert.match((await anchor.health(signal)).detail ?? '', /Correct url or chain/);
  });

  it('keeps to its cap when Tally asks for more', async () => {
    ledger.minimumFee = 51n;
    await rejects('capped', /costs 51 mites now and may cost 50/, () => signed());
  });

  it('says what Tally refused in the reason the engine knows', async () => {
    const attempt = await signed();
    ledger.minimumFee = 20n;
    await rejects('underpriced', /at least 20/, () => anchor.broadcast(attempt, signal));
    ledger.minimumFee = 1n;
    ledger.balance = 3n;
    await rejects('insufficient-funds', /3 left/, () => anchor.broadcast(attempt, signal));
    const garbled = { ...attempt, signed: utf8('{}') };
    await rejects('invalid', /malformed/, () => anchor.broadcast(garbled, signal));
  });

  it('takes an answer that it does not understand for no answer', async () => {
    ledger.nonsense = { body: { chain: 'test', height: 'high' } };
    await rejects('unavailable', /answered \/tip with something else.*height/s, () => signed());
    ledger.nonsense = { status: 503, body: 'busy' };
    await rejects('unavailable', /answered 503/, () => signed());
  });
});
