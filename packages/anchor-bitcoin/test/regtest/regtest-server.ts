// The node runs in a process of its own: its curve arithmetic is twenty times slower inside a test runner's sandbox.
import { CoreRpcFacade } from './core-rpc-facade.ts';
import { RegtestNode } from './regtest-node.ts';
import type { Fees } from './regtest.ts';

const regtest = await RegtestNode.start();
const facade = await CoreRpcFacade.start(regtest);

const commands: Record<string, (...parameters: any[]) => Promise<unknown>> = {
  url: async () => facade.url,
  height: async () => regtest.height,
  // What is left out arrives as null.
  mine: (count: number, to: string | null) =>
    to === null ? regtest.mine(count) : regtest.mine(count, Buffer.from(to, 'hex')),
  pay: (outputs: { script: string; valueSat: number }[]) =>
    regtest.pay(
      outputs.map(({ script, valueSat }) => ({ script: Buffer.from(script, 'hex'), valueSat })),
    ),
  reorganise: (depth: number) => regtest.reorganise(depth),
  header: async (height: number) => hexOf(await regtest.header(height)),
  transactionsOf: async (script: string) =>
    (await regtest.transactionsOf(Buffer.from(script, 'hex'))).map(({ txid, raw }) => ({
      txid,
      raw: hexOf(raw),
    })),
  setDown: async (down: boolean) => {
    facade.down = down;
  },
  setChain: async (chain: string) => {
    facade.chain = chain;
  },
  setIndexed: async (indexed: boolean) => {
    facade.indexed = indexed;
  },
  setFees: async ({ floor, estimate, replacement, packages }: Fees) => {
    if (floor !== undefined) facade.rules.setFloor(floor);
    if (estimate !== undefined) facade.rules.estimateSatPerVb = estimate ?? undefined;
    if (replacement !== undefined) facade.rules.replacement = replacement;
    if (packages !== undefined) facade.rules.packages = packages;
  },
  evictAll: () => facade.rules.evictAll(),
};

process.on(
  'message',
  ({ id, name, parameters }: { id: number; name: string; parameters: any[] }) => {
    void (commands[name] as (...all: any[]) => Promise<unknown>)(...parameters).then(
      (result) => process.send?.({ id, result }),
      (error: Error) => process.send?.({ id, error: error.message }),
    );
  },
);
// Whoever started it is gone.
process.on('disconnect', () => process.exit(0));
process.send?.({ id: 0 });

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString('hex');
}
