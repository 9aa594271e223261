import everything from '../../../../jest.config.mjs';

/** `npm run test:peers`: against programs that have to be installed. One after the other: servers are heavy. */
export default {
  ...everything,
  rootDir: '../../../..',
  testMatch: ['<rootDir>/apps/reference-gateway/test/peers/**/*.spec.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  maxWorkers: 1,
};
