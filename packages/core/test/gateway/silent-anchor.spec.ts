import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { composeGateway } from '../../src/gateway/compose-gateway.js';
import { gatewayConfigSchema } from '../../src/plugins/index.js';
import { type Anchor, defineAnchor } from '../../src/spi/index.js';
import { openMemoryStore } from '../../src/stores/memory/open-memory-store.js';
import { suiteCommitment } from '../../src/testing/anchor-suite/commitments.js';
import { FakeClock } from '../../src/testing/fake-clock.js';

let stateFolder: string;
beforeEach(async () => {
  stateFolder = await mkdtemp(join(tmpdir(), 'wattproof-silent-'));
});
afterEach(() => rm(stateFolder, { recursive: true, force: true }));

/** A gateway on memory over an anchor that answers nothing and heeds no signal. `asked` resolves at its first `prepare`. */
async function gatewayOnSilence(callTimeoutMs: number) {
  let heard = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const silence = (): Promise<never> => new Promise<never>(() => undefined);
  const clock = new FakeClock();
  const plugin = defineAnchor({
    name: 'silent',
    config: z.strictObject({}),
    capabilities: {
      exclusion: 'ledger',
      cost: 'free',
      finality: 'probabilistic',
      reorgs: true,
      bump: ['replace'],
      evidence: ['silent/1'],
      trust: 'operator',
    },
    create: (): Anchor => ({
      quote: silence,
      prepare: () => {
        heard();
        return silence();
      },
      sign: silence,
      broadcast: silence,
      observe: silence,
      evidence: silence,
      health: silence,
      close: async () => undefined,
    }),
  });
  const gateway = await composeGateway({
    config: gatewayConfigSchema.parse({
      origin: 'silent.test/log',
      anchors: { silent: { use: 'silent', policy: { callTimeoutMs } } },
    }),
    plugins: [
      {
        entry: { instanceId: 'silent', kind: 'anchor', use: 'silent', config: {}, path: 'silent' },
        plugin,
        config: {},
        url: import.meta.url,
        package: undefined,
      },
    ],
    store: openMemoryStore({ clock }),
    clock,
    stateFolder,
  });
  await gateway.start();
  await gateway.anchoring.engine.enqueue(suiteCommitment(1));
  const reason = async (): Promise<string | undefined> =>
    (await gateway.store.anchors.bySize(1n))[0]?.reason;
  return { gateway, asked, reason };
}

describe('A gateway whose anchor answers nothing', () => {
  it('ends every pass over it when the time of a call is over, and alerts of it', async () => {
    const { gateway, reason } = await gatewayOnSilence(100);
    expect(await gateway.jobs.run('anchor.silent')).toBe('ran');
    expect(await reason()).toContain('prepare: no answer within 100 ms');
    expect(await gateway.jobs.run('watch.silent')).toBe('ran');
    const { alerts = [] } = (await gateway.anchoring.watch.condition('silent')) ?? {};
    expect(alerts.map(({ code }) => code)).toEqual(['unreachable']);
    await gateway.stop();
  });

  it('stops at once', async () => {
    const { gateway, asked, reason } = await gatewayOnSilence(600_000);
    const pass = gateway.jobs.run('anchor.silent');
    await asked;
    await gateway.stop();
    await pass;
    expect(await reason()).toBeUndefined();
  });
});
