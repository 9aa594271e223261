import { expect, it } from '@jest/globals';
import { withPeers } from '../../src/peers/with-peers.js';

const notFound = (name: string): Error =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /app/x.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  });

it('names everything that is to be installed when one optional peer is missing', async () => {
  const load = () =>
    withPeers('A store', ['@mikro-orm/core', 'pg'], () => Promise.reject(notFound('pg')));
  await expect(load()).rejects.toMatchObject({
    code: 'peer_missing',
    message:
      'A store needs the package "pg", which is not installed. Run: npm install @mikro-orm/core@7.2.1 pg@8',
    cause: { code: 'ERR_MODULE_NOT_FOUND' },
  });
});

it('leaves errors alone that are not about those peers', async () => {
  for (const error of [notFound('left-pad'), new Error("Cannot find package 'pg'")])
    await expect(withPeers('A store', ['pg'], () => Promise.reject(error))).rejects.toBe(error);
  expect(await withPeers('A store', ['pg'], async () => 1)).toBe(1);
});
