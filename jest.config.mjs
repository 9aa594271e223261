// Native ESM on the sources: no build before a test. Module mocks do not exist here on purpose; fakes are injected.
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: {
    // jest adds import or require itself; naming one here would give CommonJS packages each other's ESM doors.
    customExportConditions: ['@wattproof/source', 'node'],
  },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['/dist/'],
  testMatch: ['<rootDir>/{packages,apps}/*/test/**/*.spec.ts', '<rootDir>/test/**/*.spec.ts'],
  // Those need programs that are not on every machine: npm run test:peers.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/apps/reference-gateway/test/peers/'],
  // Generous: a database that starts on a busy machine is slow, not wrong. Nothing waits for it to pass.
  testTimeout: 300_000,
  // One worker per core of the smallest machine; the suites wait for databases and processes half of the time.
  maxWorkers: 2,
  reporters: ['default', '<rootDir>/scripts/closing-line.mjs'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: {
            legacyDecorator: true,
            decoratorMetadata: true,
            useDefineForClassFields: false,
          },
          target: 'es2023',
        },
        module: { type: 'es6' },
      },
    ],
  },
};
