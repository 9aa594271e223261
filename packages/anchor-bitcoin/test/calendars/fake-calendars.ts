import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BitcoinConfig } from '@wattproof/anchor-bitcoin';
import bitcoin from '@wattproof/anchor-bitcoin';
import type { Anchor, AnchorIntent, Attempt } from '@wattproof/core/spi';
import { regtestKey } from '../regtest/regtest-key.js';
import type { Regtest } from '../regtest/regtest.js';

const { signal } = new AbortController();
const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const SHA256 = Buffer.of(0x08);
const append = (bytes: Uint8Array) => Buffer.concat([Buffer.of(0xf0, bytes.length), bytes]);
const prepend = (bytes: Uint8Array) => Buffer.concat([Buffer.of(0xf1, bytes.length), bytes]);

interface Round {
  readonly messages: readonly Buffer[];
  readonly intent: AnchorIntent;
  readonly attempt: Attempt;
}

/** Calendars with one back end: what any of them was given goes into the next transaction on a regtest chain. */
export class FakeCalendars {
  readonly #servers: Server[] = [];
  readonly #anchor: Anchor;
  readonly #rounds: Round[] = [];
  readonly #waiting = new Map<string, Buffer>();
  /** Digests in the order they were given, as often as they were. */
  readonly given: string[] = [];
  down = new Set<number>();
  /** Bytes that calendar 0 answers instead of a timestamp. */
  lie: Uint8Array | undefined;

  private constructor(
    private readonly regtest: Regtest,
    key: number,
  ) {
    const config = BitcoinConfig.parse({
      network: 'regtest',
      rpc: { url: regtest.url, user: 'anchor', password: 'secret' },
      wif: regtestKey(key),
      confirmations: 1,
    });
    this.#anchor = bitcoin.create(config, {
      instanceId: 'calendar',
      origin: 'calendar',
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      clock: { nowMs: () => 0 },
    });
  }

  static async start(regtest: Regtest, key: number, count: number): Promise<FakeCalendars> {
    const calendars = new FakeCalendars(regtest, key);
    for (let i = 0; i < count; i += 1) {
      const server = createServer((request, response) => {
        if (calendars.down.has(i)) {
          request.socket.destroy();
          return;
        }
        const parts: Buffer[] = [];
        request.on('data', (part: Buffer) => parts.push(part));
        request.on('end', () => {
          void calendars
            .#answer(i, request.url ?? '', Buffer.concat(parts))
            .then((answer) => response.writeHead(answer ? 200 : 404).end(answer));
        });
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      calendars.#servers.push(server);
    }
    return calendars;
  }

  get urls(): string[] {
    return this.#servers.map(
      (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    );
  }

  /** Anchors what waits, and again what a reorganisation took out, in one more block. */
  async mine(): Promise<void> {
    let fell = false;
    for (const { attempt } of this.#rounds)
      fell = (await this.#anchor.broadcast(attempt, signal)) === 'accepted' || fell;
    // One anchor of the wallet at a time.
    if (fell) await this.regtest.mine(1);
    const messages = [...this.#waiting.values()];
    this.#waiting.clear();
    if (messages.length > 0) {
      const digest = messages.slice(1).reduce((sum, message) => sha256(sum, message), messages[0]!);
      const intent: AnchorIntent = {
        id: digest.toString('hex'),
        anchor: 'calendar',
        commitment: { origin: 'calendar', size: 1n, root: new Uint8Array(32), digest },
        createdAtMs: 0,
      };
      const draft = await this.#anchor.prepare(intent, [], { bump: 0, signal });
      const signed = await this.#anchor.sign(intent, draft, signal);
      const attempt: Attempt = {
        ...signed,
        intentId: intent.id,
        number: 0,
        state: 'signed',
        createdAtMs: 0,
      };
      await this.#anchor.broadcast(attempt, signal);
      this.#rounds.push({ messages, intent, attempt });
    }
    await this.regtest.mine(1);
  }

  /** Transactions in blocks that carry this digest. */
  async carrying(digest: Uint8Array): Promise<string[]> {
    const found: string[] = [];
    for (const { messages, attempt } of this.#rounds) {
      const held = messages.some((message) =>
        this.urls.some((url) => sha256(digest, Buffer.from(url)).equals(message)),
      );
      const [seen] = await this.#anchor.observe([attempt], signal);
      if (held && seen?.inclusion) found.push(Buffer.from(digest).toString('hex'));
    }
    return found;
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
  }

  async #answer(i: number, path: string, body: Buffer): Promise<Uint8Array | undefined> {
    if (path === '/') return Buffer.from('a calendar');
    if (i === 0 && this.lie) return this.lie;
    if (path === '/digest') return this.#promise(this.urls[i]!, body);
    const message = Buffer.from(path.slice('/timestamp/'.length), 'hex');
    const round = this.#rounds.find(({ messages }) => messages.some((one) => one.equals(message)));
    if (!round) return undefined;
    const [seen] = await this.#anchor.observe([round.attempt], signal);
    if (!seen?.inclusion) return undefined;
    const { intent, attempt } = round;
    const evidence = await this.#anchor.evidence(intent, attempt, signal);
    const { commitment } = intent;
    const proof = { format: 'ots', digest: commitment.digest, steps: [], commitment, evidence };
    // Behind the magic, the version, the hash and the digest.
    const fromRoot = (await this.#anchor.exportProof!(proof))!.bytes.slice(31 + 1 + 1 + 32);
    return Buffer.concat([...pathIn(round.messages, message), fromRoot]);
  }

  #promise(url: string, digest: Buffer): Buffer {
    this.given.push(digest.toString('hex'));
    const nonce = Buffer.from(url);
    const message = sha256(digest, nonce);
    if (!this.#rounds.some(({ messages }) => messages.some((one) => one.equals(message))))
      this.#waiting.set(message.toString('hex'), message);
    const uri = Buffer.from(url);
    const payload = Buffer.concat([Buffer.of(uri.length), uri]);
    const tag = Buffer.from('0083dfe30d2ef90c8e', 'hex');
    return Buffer.concat([append(nonce), SHA256, tag, Buffer.of(payload.length), payload]);
  }
}

function pathIn(messages: readonly Buffer[], message: Buffer): Buffer[] {
  const ops: Buffer[] = [];
  let sum: Uint8Array | undefined;
  let found = false;
  for (const one of messages) {
    if (found) ops.push(append(one), SHA256);
    else if (one.equals(message)) {
      found = true;
      if (sum) ops.push(prepend(sum), SHA256);
    }
    sum = sum ? sha256(sum, one) : one;
  }
  return ops;
}
