/** Kinds of plugins that have a template of the same name, and what their author does first. */
export const PLUGIN_KINDS = {
  anchor: {
    next: 'say in src/index.ts what your ledger can do, and follow docs/write-an-anchor.md',
  },
  transport: { next: 'speak your protocol in src/, and follow docs/write-a-transport.md' },
  pricing: { next: 'write your tariff in src/, and follow docs/write-a-price-model.md' },
} as const;
export type TemplateKind = keyof typeof PLUGIN_KINDS;

export const isTemplateKind = (text: string): text is TemplateKind =>
  Object.hasOwn(PLUGIN_KINDS, text);
