import { batchRuleOf } from '@wattproof/core/anchoring';
import {
  type ConfigProblem,
  type ConfiguredPlugin,
  type GatewayConfig,
  isDurableEnough,
  requiredDurability,
} from '@wattproof/core/plugins';
import type { AnchorCapabilities, DurabilityClass } from '@wattproof/core/spi';

const LOOPBACK = /^(127\.|::1$|localhost$)/;

/** What a store of this address promises, as far as the address tells; a started store says it for sure. */
export function durabilityOf(storeUrl: string): DurabilityClass {
  if (storeUrl.startsWith('memory:')) return 'memory';
  return storeUrl.startsWith('embedded:') ? 'process' : 'fsync';
}

/** The reason why a gateway with a store of class `actual` may not start, if there is one. */
export function durabilityProblem(
  config: Pick<GatewayConfig, 'profile' | 'store'>,
  actual: DurabilityClass,
): ConfigProblem | undefined {
  const required = requiredDurability(config);
  if (isDurableEnough(actual, required)) return undefined;
  return {
    path: 'store.durability',
    message: `this store is of durability class "${actual}" and profile ${config.profile} asks for "${required}": acknowledged readings could be lost ${actual === 'memory' ? 'with the process' : 'when power fails'}. Use postgresql://…, or consent with store.durability: ${actual}`,
  };
}

/** What an operator should know before every start, in sentences. */
export function warningsFor(
  config: GatewayConfig,
  plugins: readonly ConfiguredPlugin[],
): readonly string[] {
  const warnings: string[] = [];
  const { http, store, profile } = config;
  if (http.open.length > 0) {
    warnings.push(
      `http.open: ${http.open.join(', ')} answer without a key to anyone who reaches ${http.host}.`,
    );
  }
  if (config.devices.unsigned === 'accept') {
    warnings.push(
      'devices.unsigned: accept takes readings that nobody signed; they can be invented.',
    );
  }
  if (config.devices.registration === 'open' && profile === 'production') {
    warnings.push('devices.registration: open lets anybody register a meter.');
  }
  const durability = durabilityOf(store.url);
  if (durability !== 'fsync' && profile === 'production') {
    warnings.push(
      `store.durability: ${durability} is accepted in production; a power cut can lose acknowledged readings.`,
    );
  }
  if (!config.accounts.adminApiKey) {
    warnings.push('accounts.adminApiKey is not set; nobody can use the routes of administrators.');
  }
  if (!LOOPBACK.test(http.host) && !http.tls && http.trustProxy === false) {
    warnings.push(
      `http.host: ${http.host} is reachable from other machines without TLS and without a proxy in front.`,
    );
  }
  if (config.webhooks.allowPrivate) {
    warnings.push(
      'webhooks.allowPrivate: whoever may create a webhook can have requests sent to everything this host reaches.',
    );
  }
  if (config.webhooks.allowHttp) {
    warnings.push(
      'webhooks.allowHttp: events may leave unencrypted, and anybody may answer for them.',
    );
  }
  const anchors = plugins.filter(({ plugin }) => plugin.kind === 'anchor');
  for (const { entry, plugin } of anchors) {
    const { maxFeePerDay } = config.anchors[entry.instanceId]?.policy ?? {};
    if ((plugin.capabilities as AnchorCapabilities).cost === 'paid' && maxFeePerDay === undefined)
      warnings.push(
        `anchors.${entry.instanceId}.policy.maxFeePerDay is not set; nothing limits what this anchor spends in a day.`,
      );
  }
  warnings.push(...sharedWallets(config.anchors));
  const isOwnWord = ({ plugin }: ConfiguredPlugin): boolean =>
    (plugin.capabilities as AnchorCapabilities).trust === 'operator';
  if (anchors.every(isOwnWord) && profile === 'production') {
    warnings.push(
      'anchors: none of them is outside the control of this gateway; proofs rest on its own signature alone.',
    );
  } else if (profile === 'production') {
    const { of, required } = batchRuleOf(config.anchoring, Object.keys(config.anchors));
    const own = anchors.filter(isOwnWord).map(({ entry }) => entry.instanceId);
    const counted = of.filter((id) => own.includes(id));
    if (counted.length >= required) {
      warnings.push(
        `anchoring: a batch counts as anchored by ${counted.map((id) => `"${id}"`).join(' and ')} alone, this gateway's own word. Name the ledgers that count in anchoring.of.`,
      );
    }
  }
  return warnings;
}

/** Members of an anchor's block that hold the key of a wallet, and those that say on which ledger. */
const WALLET_KEYS = ['key', 'wif'] as const;
const LEDGER_NAMES = ['chainId', 'network'] as const;

/** Two anchors over one wallet spend each other's coins and wait for each other's nonces. */
function sharedWallets(anchors: GatewayConfig['anchors']): readonly string[] {
  const holders = new Map<string, string>();
  return Object.entries(anchors).flatMap(([id, block]) => {
    const secret = WALLET_KEYS.map((name) => block[name]).find(
      (value) => typeof value === 'string',
    );
    if (secret === undefined) return [];
    const ledger = LEDGER_NAMES.map((name) => block[name]);
    const wallet = JSON.stringify([secret.replace(/^0x/, '').toLowerCase(), ledger]);
    const other = holders.get(wallet);
    holders.set(wallet, other ?? id);
    return other === undefined
      ? []
      : [`anchors.${other} and anchors.${id} pay from one key; give each a wallet of its own.`];
  });
}
