// Who may import whom (docs/architecture.md). Each rule has a planted violation in test/lint.
const CORE = '^packages/core/src/';
const FEATURES = `${CORE}(logs|events|devices|detectors|ingestion|batching|anchoring|proofs|energy-ledger|pricing|matching|settlement|certificates|accounts|jobs)/`;
/** Packages of plugins, and the templates of such packages: `$1` is the folder. */
const PLUGIN = '^(packages/(?:(?:anchor|transport)-[^/]+|pricing)|templates/[^/]+)';
const DATABASE = '(^|node_modules/)(@mikro-orm/|@electric-sql/|pg(/|$|-))';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that need each other are one concept, or one of them needs a port.',
      severity: 'error',
      from: {},
      // A type may point back: nothing is left of it at run time.
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'verify-is-a-leaf',
      comment: 'verify runs in a browser: it imports itself and @noble only.',
      severity: 'error',
      from: { path: `${CORE}verify/` },
      to: { pathNot: [`${CORE}verify/`, '(^|/)@noble/'] },
    },
    {
      name: 'spi-is-a-leaf',
      comment: 'spi imports itself, types of verify and the Standard Schema types.',
      severity: 'error',
      from: { path: `${CORE}spi/` },
      to: { pathNot: [`${CORE}(spi|verify)/`, '@standard-schema/spec'] },
    },
    {
      name: 'spi-takes-only-types-of-verify',
      severity: 'error',
      from: { path: `${CORE}spi/` },
      to: { path: `${CORE}verify/`, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nest-only-in-nest',
      comment: 'src/nest wraps the features; the main door re-exports it.',
      severity: 'error',
      from: { path: CORE, pathNot: `${CORE}(nest/|testing/|index\\.ts$)` },
      to: { path: '@nestjs/' },
    },
    {
      name: 'features-know-no-framework',
      comment: 'A feature folder is plain classes: no module of nest, no store, no loader.',
      severity: 'error',
      from: { path: FEATURES },
      to: { path: `${CORE}(nest|plugins|stores/(?!store\\.ts)|testing|simulator|gateway|cli)` },
    },
    {
      name: 'features-know-no-database',
      severity: 'error',
      from: { path: CORE, pathNot: `${CORE}(stores|testing)/` },
      to: { path: DATABASE },
    },
    {
      name: 'stores-know-no-nest',
      comment: 'Stores implement ports that features declare.',
      severity: 'error',
      from: { path: `${CORE}stores/` },
      to: { path: `${CORE}(nest|plugins|testing)/` },
    },
    {
      name: 'nobody-imports-nest-folder',
      severity: 'error',
      from: { path: CORE, pathNot: `${CORE}(nest/|testing/|index\\.ts$)` },
      to: { path: `${CORE}nest/` },
    },
    {
      name: 'product-code-imports-no-test-kit',
      severity: 'error',
      from: { path: '^(packages|apps|templates)/[^/]+/src/', pathNot: `${CORE}testing/` },
      to: { path: `${CORE}testing/` },
    },
    {
      name: 'product-code-imports-no-tests',
      severity: 'error',
      from: { path: '^(packages|apps|templates)/[^/]+/src/' },
      to: { path: ['^test/', '^(packages|apps|templates)/[^/]+/test/'] },
    },
    {
      name: 'plugins-see-only-spi-and-verify',
      severity: 'error',
      from: { path: `${PLUGIN}/src/` },
      to: { path: '^packages/core/', pathNot: '^packages/core/(src|dist)/(spi|verify)/' },
    },
    {
      name: 'plugin-tests-use-the-kits',
      comment: 'Tests of a plugin see what its author sees: the contract, verify and the kits.',
      severity: 'error',
      from: { path: `${PLUGIN}/test/` },
      to: {
        path: '^packages/core/',
        pathNot: '^packages/core/(src|dist)/(spi|verify|testing|simulator)/',
      },
    },
    {
      name: 'plugins-know-no-framework',
      severity: 'error',
      from: { path: `${PLUGIN}/src/` },
      to: { path: '@nestjs/|@mikro-orm/' },
    },
    {
      name: 'plugins-never-see-plugins',
      severity: 'error',
      from: { path: `${PLUGIN}/` },
      to: { path: `${PLUGIN}/`, pathNot: '^$1/' },
    },
    {
      name: 'verify-doors-are-browser-safe',
      comment: "A plugin's ./verify is pure: no Node, no chain SDK.",
      severity: 'error',
      from: { path: `${PLUGIN}/src/verify/` },
      to: {
        pathNot: [`${PLUGIN}/src/verify/`, '^packages/core/(src|dist)/verify/', '(^|/)@noble/'],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'nobody-imports-apps',
      severity: 'error',
      from: { path: '^(packages|templates)/' },
      to: { path: '^apps/' },
    },
    {
      name: 'folders-name-concepts',
      comment: 'Not utils, helpers, common or misc: say what it is about.',
      severity: 'error',
      from: {},
      to: { path: '^(packages|apps|templates)/.*/(utils?|helpers?|common|misc)(/|\\.[mc]?[jt]s$)' },
    },
    {
      name: 'every-import-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|\\.wattproof)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@wattproof/source', 'node', 'import', 'default'],
      extensions: ['.ts', '.js', '.mjs'],
    },
    tsPreCompilationDeps: true,
  },
};
