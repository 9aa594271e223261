import { isIP } from 'node:net';
import { z } from 'zod';
import { AccountsConfig } from '../accounts/accounts.config.js';
import { type AnchorPolicy, anchorPolicySchema } from '../anchoring/anchor-policy.js';
import { batchRuleProblems, batchRuleSchema } from '../anchoring/batch-rule.js';
import { BatchingConfig } from '../batching/batching.config.js';
import { LogConfig } from '../batching/log.config.js';
import { DetectionConfig } from '../detectors/detection.config.js';
import { DevicesConfig } from '../devices/devices.config.js';
import { ClaimsConfig } from '../energy-ledger/claims.config.js';
import { WebhooksConfig } from '../events/webhooks/webhooks.config.js';
import { ImportsConfig } from '../imports/index.js';
import { IngestionConfig } from '../ingestion/ingestion.config.js';
import { DURABILITY_CLASSES, type DurabilityClass } from '../spi/index.js';
import { isOrigin, MAX_ORIGIN_LENGTH } from '../verify/origin.js';
import { MicroservicesConfig } from './microservices.config.js';
import type { PluginEntry } from './plugin-errors.js';

/** Marks what may never be printed; `redact` reads it from the JSON Schema. */
const secret = { secret: true } as const;

/** What a replica does; a deployment gives each replica some of them. */
export const ROLES = ['api', 'ingest', 'batch', 'anchor', 'match'] as const;

const pluginBlock = z
  .looseObject({
    use: z
      .string()
      .min(1)
      .describe('Package name, package subpath, or ./file beside this configuration file.'),
  })
  .describe("A plugin and its own settings; what they are is the plugin's own schema.");

const instanceId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'an instance id is a-z, 0-9 and -, from a letter');

const FEE = 'a whole amount in the smallest unit of the ledger; beyond 2^53 in quotes';

/** A fee in the ledger's smallest unit, as YAML can write it. */
const fee = z
  .union(
    [
      z.int({ error: (issue) => (issue.code === 'too_big' ? FEE : undefined) }).min(0),
      z.string().regex(/^\d{1,30}$/, FEE),
    ],
    FEE,
  )
  .transform((value) => BigInt(value));

const anchorPolicy = anchorPolicySchema.extend({
  maxFeePerIntent: fee.optional().describe('Most that one checkpoint may cost on this ledger.'),
  maxFeePerDay: fee.optional().describe('Most that all checkpoints of 24 hours may cost together.'),
});

const anchorInstances = z.record(
  instanceId,
  pluginBlock.extend({
    policy: anchorPolicy
      .optional()
      .describe('How the engine drives this anchor: finality, fee caps, patience.'),
  }),
);

const instances = z.record(instanceId, pluginBlock);

const store = z.strictObject({
  url: z
    .string()
    .regex(
      /^(embedded|postgres|postgresql|memory):\/\//,
      'expected embedded://folder, postgresql://user:password@host/database or memory://',
    )
    .default('embedded://.wattproof/db')
    .meta(secret)
    .describe('Where everything is kept.'),
  durability: z
    .enum(DURABILITY_CLASSES)
    .optional()
    .describe(
      'Weakest durability class that is acceptable. Absent: fsync under profile production, otherwise any. "process" is the explicit consent to lose acknowledged readings when power fails.',
    ),
});

/** An IP address, alone or with the length of its prefix. */
function isAddress(text: string): boolean {
  const [address = '', prefix] = text.split('/', 2);
  const bits = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

const http = z.strictObject({
  // Nobody but this machine, until an operator decides otherwise.
  host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(3000).describe('0 picks a free port.'),
  tls: z
    .strictObject({
      cert: z.string().min(1).describe('PEM certificate chain.'),
      key: z.string().min(1).meta(secret).describe('PEM private key.'),
      clientCa: z
        .string()
        .min(1)
        .optional()
        .describe(
          'PEM of the CA that signs client certificates; with it, no other client may connect. A certificate whose key is a registered device key vouches for the unsigned readings of its meter.',
        ),
      clientCertificate: z
        .enum(['required', 'optional'])
        .default('required')
        .describe('With clientCa: whether clients without a certificate of it may connect, too.'),
    })
    .optional(),
  trustProxy: z
    .union([z.boolean(), z.int().min(0), z.string().min(1), z.array(z.string().min(1))])
    .default(false)
    .describe('Proxies whose X-Forwarded-* headers count: yes, hops, or addresses.'),
  certificateProxies: z
    .array(z.string().refine(isAddress, 'expected an address or a subnet, such as 10.0.0.0/8'))
    .default([])
    .describe(
      'Proxies that check client certificates themselves and state them in the header Client-Cert (RFC 9440), whatever the client sent in it: addresses or subnets they connect from.',
    ),
  maxConnections: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe(
      'Connections held at once; those that transports take over, such as WebSockets, are bounded there.',
    ),
  cors: z
    .strictObject({
      origins: z.array(z.string().min(1)).default([]).describe('Origins of pages that may call.'),
    })
    .prefault({}),
  open: z
    .array(z.enum(['logs', 'proofs', 'flush']))
    .default([])
    .describe('Route groups that answer without a key. Anyone who reaches the port may use them.'),
  guards: z
    .record(z.string(), z.array(z.string().min(1)).min(1))
    .default({})
    .describe(
      'Checks of plugins that routes must pass: operation id of /openapi.json → INSTANCE.CHECK, in order.',
    ),
});

const accounts = AccountsConfig.extend({
  adminApiKey: AccountsConfig.shape.adminApiKey
    .meta(secret)
    .describe('Sent as X-API-Key; opens everything. Absent: nobody is administrator by key.'),
});

// `claims.minAssurance` is the one place for it: what may be claimed is what may occupy an interval.
const ingestion = IngestionConfig.omit({ minAssurance: true });

const simulator = z.strictObject({
  size: z.int().min(1).max(10_000).default(8).describe('Meters in the fleet.'),
  intervalMs: z.int().min(1000).default(10_000).describe('Length of one reading.'),
  seed: z.int().min(0).default(1).describe('Same seed, same households and keys.'),
  cheaters: z
    .string()
    .regex(/^(?:100|\d{1,2}(?:\.\d+)?)%$/, 'a share is written as 3%, from 0% to 100%')
    .default('0%')
    .describe('Share of the fleet that cheats, every way in turn.'),
});

/**
 * The whole configuration of a gateway. Unknown keys are errors. Every default stands once: here, or in the
 * schema of the feature that a section belongs to.
 */
export const gatewayConfigSchema = z
  .strictObject({
    profile: z
      .enum(['demo', 'development', 'production'])
      .default('development')
      .describe('What the gateway is for; production refuses what could lose data unasked.'),
    origin: z
      .string()
      .min(1)
      .max(MAX_ORIGIN_LENGTH)
      .refine(isOrigin, 'expected a schema-less URL such as example.org/energy-log')
      .describe('Name of this log, part of every commitment; never change it.'),
    log: LogConfig.prefault({}),
    store: store.prefault({}),
    http: http.prefault({}),
    accounts: accounts.prefault({}),
    devices: DevicesConfig.prefault({}),
    claims: ClaimsConfig.prefault({}),
    ingestion: ingestion.prefault({}),
    imports: ImportsConfig.prefault({}),
    batching: BatchingConfig.prefault({}),
    transports: instances.default({}).describe('Ways readings come in, beside HTTP.'),
    microservices: MicroservicesConfig.optional().describe(
      'Message systems of the house, by the transporters of NestJS; readings in by request or event.',
    ),
    anchors: anchorInstances
      .default({ local: { use: '@wattproof/core/local-ledger' } })
      .describe('Ledgers that witness the log.'),
    anchoring: batchRuleSchema
      .prefault({})
      .describe('When a batch counts as anchored, over several anchors.'),
    webhooks: WebhooksConfig.prefault({}),
    pricing: pluginBlock.optional().describe('The price model.'),
    detectors: instances
      .optional()
      .describe(
        'What looks at readings, in this order. Absent: the detectors of core; {}: nothing.',
      ),
    detection: DetectionConfig.prefault({}),
    roles: z
      .array(z.enum(ROLES))
      .min(1)
      .default([...ROLES])
      .describe('What this replica does.'),
    simulator: simulator.optional().describe('Simulated signed meters that feed this gateway.'),
  })
  .superRefine(({ anchoring, anchors }, context) => {
    for (const { path, message } of batchRuleProblems(anchoring, Object.keys(anchors)))
      context.addIssue({ code: 'custom', path: ['anchoring', ...path], message });
  });

export type GatewayConfig = z.output<typeof gatewayConfigSchema>;
/** What may be written: defaults left out. */
export type GatewayConfigInput = z.input<typeof gatewayConfigSchema>;
/** A signing key as configured. */
export type KeySource = GatewayConfig['log']['key'];

/** Weakest durability class under which this gateway may start. */
export function requiredDurability(
  config: Pick<GatewayConfig, 'profile' | 'store'>,
): DurabilityClass {
  return config.store.durability ?? (config.profile === 'production' ? 'fsync' : 'memory');
}

/** True when a store of class `actual` keeps the promise `required`. */
export function isDurableEnough(actual: DurabilityClass, required: DurabilityClass): boolean {
  return DURABILITY_CLASSES.indexOf(actual) <= DURABILITY_CLASSES.indexOf(required);
}

/** The plugin blocks in the order of the file: anchors, transports, pricing, detectors. */
export function pluginEntries(
  config: Pick<GatewayConfig, 'anchors' | 'transports' | 'pricing'> &
    Partial<Pick<GatewayConfig, 'detectors'>>,
): readonly PluginEntry[] {
  const section = (
    kind: 'anchor' | 'transport' | 'detector',
    name: string,
    blocks: GatewayConfig['anchors'],
  ) => Object.entries(blocks).map(([id, block]) => entry(kind, id, `${name}.${id}`, block));
  return [
    ...section('anchor', 'anchors', config.anchors),
    ...section('transport', 'transports', config.transports),
    ...(config.pricing ? [entry('pricing', 'pricing', 'pricing', config.pricing)] : []),
    ...section('detector', 'detectors', config.detectors ?? {}),
  ];
}

function entry(
  kind: PluginEntry['kind'],
  instanceId: string,
  path: string,
  block: GatewayConfig['transports'][string] & { readonly policy?: AnchorPolicy | undefined },
): PluginEntry {
  const { use, ...own } = block;
  // Only an anchor's `policy` is the engine's; elsewhere the word is the plugin's own.
  const { policy: _policy, ...config } = own;
  return { instanceId, kind, use, config: kind === 'anchor' ? config : own, path };
}
