// Native ESM on the sources: no build before a test. Module mocks do not exist here on purpose; fakes are injected.
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: {
    customExportConditions: ['@wattproof/source', 'node', 'import', 'default'],
  },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/'],
  testMatch: ['<rootDir>/{packages,apps}/*/test/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  testTimeout: 30_000,
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
          target: 'es2023',
        },
        module: { type: 'es6' },
      },
    ],
  },
};
