import type { AnchorCapabilities, HostNeeds, Plugin, PluginKind } from '../spi/index.js';
import { declaredGuards } from './http-guards.js';
import { TRUST_LEVELS } from '../verify/contracts.js';

const KINDS: readonly PluginKind[] = ['anchor', 'transport', 'pricing', 'format', 'detector'];
const PORTS: readonly string[] = ['tokens', 'certificates', 'settlement', 'wallet'];
const NEEDS: readonly string[] = [
  'events',
  'http',
  'collections',
  'jobs',
  'signer',
  'callers',
  'desk',
];
/** Ways to make an attempt dearer, a child only after the replacement. */
const BUMPS: readonly string[] = ['', 'replace', 'child', 'replace,child'];
/** What `?format=` of a proof means without any anchor. */
const OWN_PROOF_FORMATS: readonly string[] = ['seed', 'bundle'];
/** Methods an instance of each kind must have; everything else of the contract is optional. */
const METHODS: Readonly<Record<PluginKind, readonly string[]>> = {
  anchor: ['quote', 'prepare', 'sign', 'broadcast', 'observe', 'evidence', 'health', 'close'],
  transport: ['start', 'stop', 'health'],
  pricing: ['quote'],
  format: ['read'],
  detector: ['inspect', 'recompute'],
};

/** What is wrong with a plugin object whatever it is configured with; empty when it is sound. */
export function unsoundness(plugin: Plugin): string[] {
  const found: string[] = [];
  if (!KINDS.includes(plugin.kind)) found.push(`its kind is ${show(plugin.kind)}`);
  if (typeof plugin.name !== 'string' || plugin.name === '') found.push('it has no name');
  if (typeof plugin.create !== 'function') found.push('it has no create()');
  if (plugin.config?.['~standard']?.version !== 1) {
    found.push('its config is not a Standard Schema (version 1)');
  }
  if (typeof plugin.capabilities !== 'object' || plugin.capabilities === null) {
    return [...found, 'it declares no capabilities'];
  }
  if (plugin.kind === 'anchor') {
    found.push(...anchorUnsoundness(plugin.capabilities as AnchorCapabilities));
  }
  return [...found, ...needsUnsoundness(plugin.capabilities.needs)];
}

function anchorUnsoundness(capabilities: AnchorCapabilities): string[] {
  const found = [
    ...oneOf('exclusion', capabilities.exclusion, ['ledger', 'expiry', 'none']),
    ...oneOf('cost', capabilities.cost, ['free', 'paid']),
    ...oneOf('finality', capabilities.finality, ['probabilistic', 'deterministic']),
    ...bumpUnsoundness(capabilities.bump),
    ...oneOf('trust', capabilities.trust, TRUST_LEVELS),
  ];
  if (capabilities.cost === 'paid' && capabilities.exclusion === 'none') {
    found.push(
      'capabilities.exclusion is "none" on a ledger that costs money: two attempts could both win and both be paid',
    );
  }
  if (!Array.isArray(capabilities.evidence) || capabilities.evidence.length === 0) {
    found.push('capabilities.evidence names no evidence type');
  }
  for (const port of capabilities.ports ?? []) found.push(...oneOf('ports', port, PORTS));
  for (const format of capabilities.exports ?? [])
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(format) || OWN_PROOF_FORMATS.includes(format))
      found.push(
        `capabilities.exports has ${show(format)}, not a name of its own of a-z, 0-9 and -`,
      );
  return found;
}

function bumpUnsoundness(bump: unknown): string[] {
  if (Array.isArray(bump) && BUMPS.includes(bump.join())) return [];
  return [`capabilities.bump has ${JSON.stringify(bump)}, not one of [${BUMPS.join('], [')}]`];
}

function needsUnsoundness(needs: HostNeeds | undefined): string[] {
  if (needs === undefined) return [];
  const found = Object.keys(needs).flatMap((need) => oneOf('needs', need, NEEDS));
  const guards = declaredGuards(needs);
  if (!Array.isArray(guards) || guards.some((name) => !/^[a-z][a-z0-9-]{0,62}$/.test(name)))
    found.push('needs.http.guards is not a list of names of a-z, 0-9 and -, from a letter');
  const names = (needs.collections ?? []).map(({ name }) => name);
  if (new Set(names).size !== names.length) found.push('it declares one collection twice');
  for (const { name, version } of needs.collections ?? []) {
    if (!Number.isSafeInteger(version) || version < 1) {
      found.push(`collection "${name}" has version ${show(version)}, not an integer from 1`);
    }
  }
  return found;
}

/** What is missing from an instance that `create` returned. */
export function instanceUnsoundness(plugin: Plugin, instance: unknown): string[] {
  if (typeof instance !== 'object' || instance === null) {
    return [`create() returned ${show(instance)}, not an object`];
  }
  if (typeof (instance as { then?: unknown }).then === 'function') {
    return ['create() returned a promise; it must be synchronous'];
  }
  const members = instance as Record<string, unknown>;
  const found = METHODS[plugin.kind]
    .filter((method) => typeof members[method] !== 'function')
    .map((method) => `its instance has no ${method}()`);
  if (plugin.kind === 'anchor') {
    const capabilities = plugin.capabilities as AnchorCapabilities;
    const ports = (members.ports ?? {}) as Record<string, unknown>;
    for (const port of capabilities.ports ?? []) {
      if (!ports[port]) found.push(`it declares the port "${port}" and its instance has none`);
    }
    if (capabilities.exports?.length && typeof members.exportProof !== 'function')
      found.push('it declares exports and its instance has no exportProof()');
  }
  return found;
}

function oneOf(name: string, value: unknown, allowed: readonly string[]): string[] {
  if (typeof value === 'string' && allowed.includes(value)) return [];
  return [`capabilities.${name} has ${show(value)}, not one of ${allowed.join(', ')}`];
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
