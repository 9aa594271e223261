import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Anchor, AnchorCapabilities } from './anchor.js';
import type { HostNeeds, PluginContext } from './context.js';
import type { Detector, DetectorCapabilities } from './detector.js';
import type { FormatCapabilities, FormatCodec } from './format.js';
import type { PricingCapabilities, PricingModel } from './pricing.js';
import type { Transport, TransportCapabilities } from './transport.js';
import { SPI_VERSION } from './version.js';

const PLUGIN_TYPE = '@wattproof/plugin';

export interface PluginKinds {
  anchor: { instance: Anchor; capabilities: AnchorCapabilities };
  transport: { instance: Transport; capabilities: TransportCapabilities };
  pricing: { instance: PricingModel; capabilities: PricingCapabilities };
  format: { instance: FormatCodec; capabilities: FormatCapabilities };
  detector: { instance: Detector; capabilities: DetectorCapabilities };
}
export type PluginKind = keyof PluginKinds;

export interface PluginOptions<Kind extends PluginKind, Config extends StandardSchemaV1> {
  readonly name: string;
  /** Any Standard Schema. Unknown keys must be errors; defaults live only here. */
  readonly config: Config;
  readonly capabilities: PluginKinds[Kind]['capabilities'] & { readonly needs?: HostNeeds };
  /** Builds the instance: synchronous, no I/O, no globals, so two instances run side by side. */
  create(
    config: StandardSchemaV1.InferOutput<Config>,
    context: PluginContext,
  ): PluginKinds[Kind]['instance'];
}

export interface Plugin<
  Kind extends PluginKind = PluginKind,
  Config extends StandardSchemaV1 = StandardSchemaV1,
> extends PluginOptions<Kind, Config> {
  readonly $type: typeof PLUGIN_TYPE;
  readonly kind: Kind;
  readonly spi: number;
}

function define<Kind extends PluginKind, Config extends StandardSchemaV1>(
  kind: Kind,
  options: PluginOptions<Kind, Config>,
): Plugin<Kind, Config> {
  return Object.freeze({ ...options, $type: PLUGIN_TYPE, kind, spi: SPI_VERSION } as const);
}

export const defineAnchor = <Config extends StandardSchemaV1>(
  options: PluginOptions<'anchor', Config>,
): Plugin<'anchor', Config> => define('anchor', options);
export const defineTransport = <Config extends StandardSchemaV1>(
  options: PluginOptions<'transport', Config>,
): Plugin<'transport', Config> => define('transport', options);
export const definePricing = <Config extends StandardSchemaV1>(
  options: PluginOptions<'pricing', Config>,
): Plugin<'pricing', Config> => define('pricing', options);
export const defineFormat = <Config extends StandardSchemaV1>(
  options: PluginOptions<'format', Config>,
): Plugin<'format', Config> => define('format', options);
export const defineDetector = <Config extends StandardSchemaV1>(
  options: PluginOptions<'detector', Config>,
): Plugin<'detector', Config> => define('detector', options);

/** Structural on purpose: two installed copies of core still recognise each other's plugins. */
export function isPlugin(value: unknown): value is Plugin {
  return (
    typeof value === 'object' && value !== null && '$type' in value && value.$type === PLUGIN_TYPE
  );
}
