import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { HDNodeWallet } from 'ethers';
import { headerRlp } from '../../src/block-header-rlp.js';
import { Door, type Interception, type RpcAnswer } from './door.js';
import { PlainDoor } from './plain-door.js';

/** The mnemonic whose accounts anvil funds in its genesis block, so that no reorganisation takes the funds away. */
const MNEMONIC = 'test test test test test test test test test test test junk';

export type { RpcAnswer } from './door.js';

export interface AnvilOptions {
  /** Funded accounts. */
  readonly accounts?: number;
  /** True: a block per transaction, at once. Otherwise blocks come from `mine` alone. */
  readonly automine?: boolean;
  /** True: its door lets bytes pass unread, so no test can make it lie. */
  readonly plain?: boolean;
  readonly args?: readonly string[];
}

/** A real EVM node in a process of its own, behind a door that a test can close or make lie. */
export class Anvil {
  #keys: HDNodeWallet | undefined;
  /** The first is the one that `url` names. */
  readonly #doors: Door[] = [];
  #plain: PlainDoor | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly direct: string,
  ) {}

  static async start(options: AnvilOptions = {}): Promise<Anvil> {
    // One slot an epoch: otherwise `finalized` stays at block 0.
    const child = spawn(
      anvilBinary(),
      [
        ...`--port 0 --accounts ${options.accounts ?? 10} --slots-in-an-epoch 1`.split(' '),
        ...['--mnemonic', MNEMONIC].concat(options.automine === true ? [] : ['--no-mining']),
        ...(options.args ?? []),
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const direct = await listening(child);
    const anvil = new Anvil(child, direct);
    if (options.plain === true) anvil.#plain = await PlainDoor.open(Number(new URL(direct).port));
    else await anvil.openDoor();
    return anvil;
  }

  /** Another way to the node: as if it were another node of the chain. */
  async openDoor(): Promise<Door> {
    const door = await Door.open((body) => this.#forward(body));
    this.#doors.push(door);
    return door;
  }

  /** Where the node answers as long as it is not down; what an anchor is configured with. */
  get url(): string {
    return (this.#plain ?? this.#door).url;
  }

  /** Private key of a funded account. */
  key(index: number): string {
    return this.#wallet(index).privateKey;
  }

  /** Its address, in lower case. */
  address(index: number): string {
    return this.#wallet(index).address.toLowerCase();
  }

  #wallet(index: number): HDNodeWallet {
    this.#keys ??= HDNodeWallet.fromPhrase(MNEMONIC, '', "m/44'/60'/0'/0");
    return this.#keys.deriveChild(index);
  }

  /** Asks the node itself, whatever the door does. */
  async rpc<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    const answer = JSON.parse(
      await this.#forward(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })),
    ) as RpcAnswer;
    if (answer.error) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }

  async mine(count = 1): Promise<void> {
    await this.rpc('anvil_mine', `0x${count.toString(16)}`);
  }

  async height(): Promise<number> {
    return Number(await this.rpc<string>('eth_blockNumber'));
  }

  /** Replaces the newest `depth` blocks by empty ones and adds one more. */
  async reorganise(depth: number): Promise<void> {
    await this.rpc('anvil_dropAllTransactions');
    await this.rpc('anvil_reorg', depth, []);
    await this.rpc('anvil_dropAllTransactions');
    await this.mine();
  }

  /** RLP of the header at a height of the best chain. */
  async header(height: number): Promise<Uint8Array | undefined> {
    const block = await this.rpc<Record<string, string> | null>(
      'eth_getBlockByNumber',
      `0x${height.toString(16)}`,
      false,
    );
    return block === null ? undefined : headerRlp(block);
  }

  setDown(down: boolean): void {
    (this.#plain ?? this.#door).setDown(down);
  }

  intercept(intercept: Interception | undefined): void {
    this.#door.intercept(intercept);
  }

  async stop(): Promise<void> {
    for (const door of this.#doors) await door.close();
    await this.#plain?.close();
    const ended = new Promise((resolve) => {
      this.child.once('exit', resolve);
    });
    this.child.kill('SIGTERM');
    await ended;
  }

  get #door(): Door {
    return this.#doors[0] as Door;
  }

  async #forward(body: string): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.direct, { method: 'POST', headers, body });
    return response.text();
  }
}

/** The binary itself, so that the process we end is the node and not a wrapper around it. */
function anvilBinary(): string {
  const wrapper = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json');
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  return createRequire(wrapper).resolve(`@foundry-rs/anvil-${process.platform}-${arch}/bin/anvil`);
}

function listening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    const said: string[] = [];
    child.once('error', reject);
    child.once('exit', (code) => {
      reject(new Error(`anvil ended (${code}): ${said.join('\n')}`));
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
        said.push(line);
        const at = /Listening on (\S+)/.exec(line)?.[1];
        if (at !== undefined) resolve(`http://${at}`);
      });
  });
}
