import { RpcError } from '../src/evm-rpc.js';
import { anchorErrorOf } from '../src/evm.errors.js';

const reasonOf = (message: string, code = 3): unknown =>
  (anchorErrorOf(new RpcError('eth_call', code, message)) as { reason?: unknown }).reason;

describe('a revert', () => {
  it('is a refusal whatever words its contract put into it', () => {
    for (const words of ['nonce too low', 'timeout', 'underpriced', 'insufficient funds', 'rlp:'])
      for (const said of ['execution reverted: ', 'VM Exception: revert ', 'Reverted '])
        expect(reasonOf(said + words)).toBe('rejected');
    expect(reasonOf('nonce too low', -32_000)).toBe('conflict');
    expect(reasonOf('the request timed out', -32_000)).toBe('unavailable');
  });
});
