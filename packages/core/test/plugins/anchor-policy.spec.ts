import { describe, expect, it } from '@jest/globals';
import { gatewayConfigSchema, pluginEntries } from '../../src/plugins/index.js';
import { startTestGateway } from '../../src/testing/start-test-gateway.js';

const anchors = {
  local: {
    use: '@wattproof/core/local-ledger',
    policy: { maxFeePerIntent: '20000', maxFeePerDay: 1000, finalityDepth: 3 },
  },
};

describe('the policy of an anchor', () => {
  it('is read from its block and kept from the plugin', () => {
    const config = gatewayConfigSchema.parse({ origin: 'policy.test/log', anchors });
    expect(config.anchors['local']?.policy).toMatchObject({
      maxFeePerIntent: 20_000n,
      maxFeePerDay: 1000n,
      finalityDepth: 3,
      maxBumps: 8,
    });
    expect(pluginEntries(config).map((entry) => entry.config)).toEqual([{}]);
  });

  it('is refused with its path when it is wrong', () => {
    const wrong = { local: { ...anchors.local, policy: { maxFeePerIntent: -1, patience: 3 } } };
    const result = gatewayConfigSchema.safeParse({ origin: 'policy.test/log', anchors: wrong });
    expect(result.error?.issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'anchors.local.policy',
      'anchors.local.policy.maxFeePerIntent',
    ]);
  });

  it('reaches the engine', async () => {
    const gateway = await startTestGateway({
      config: {
        anchors: { local: { ...anchors.local, policy: { maxFeePerIntent: 1 } } },
      },
    });
    try {
      expect(gateway.services.anchoring.anchors.get('local')?.policy.maxFeePerIntent).toBe(1n);
    } finally {
      await gateway.stop();
    }
  });
});
