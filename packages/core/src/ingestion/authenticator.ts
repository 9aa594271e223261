import type { BatchChainStore } from '../devices/batch-chain.store.js';
import type { DevicesConfig } from '../devices/devices.config.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import type { SignatureVerifier } from '../devices/signature-verifier.js';
import { batchMessage, signedMessage } from '../verify/device-signing.js';
import {
  chainedBatchMessage,
  chainHash,
  chainHeader,
  EnvelopeError,
  envelopeMessage,
} from '../verify/envelopes/index.js';
import type { CanonicalDocument, ReadingFacts } from '../verify/formats/format.js';
import { sha256Of, type Hashing } from '../verify/tree-hashing.js';
import { checkNumbers, extendChain } from './batch-chain.js';
import {
  authenticateUnsigned,
  checkMeterState,
  identify,
  isVouchedFor,
  type Authentication,
  type ClaimedKey,
  type UnsignedSender,
} from './authenticate.js';
import { authenticateConnection, authenticateDeviceKey } from './authenticate-connection.js';
import type { EnvelopeSignature, NamedSignature } from './envelope.js';
import type { SayFork } from './equivocation.js';
import type { Frame } from './frame.js';
import type { EntrySignature } from './ingest.store.js';
import { keysOfMeter } from './keys-of-meter.js';
import { Refusal } from './refusal.js';
import { signedBatchTree } from './signed-batch.js';

/** An item whose document has canonical bytes. */
export interface ReadItem {
  readonly document: CanonicalDocument;
  readonly reading: ReadingFacts;
  readonly logHash: Uint8Array;
}

/** Checks after which other work gets a turn: some 70 µs each with the fastest back end. */
const CHECKS_PER_TURN = 8;

/** Finds out who stands behind each item of a frame. */
export class Authenticator {
  constructor(
    private readonly parts: {
      readonly directory: MeterDirectory;
      readonly chains: BatchChainStore;
      readonly sayFork: SayFork;
      readonly signatures: SignatureVerifier;
      readonly devices: DevicesConfig;
      readonly hashing: Hashing;
      /** Resolves after other waiting work had a turn. */
      readonly turn: () => Promise<void>;
    },
  ) {}

  /** One answer per item, in order. Loads meters and keys first; rejects with the store's error. */
  async authenticate(
    frame: Frame,
    items: readonly (ReadItem | Refusal)[],
    sender: UnsignedSender,
    nowMs: number,
  ): Promise<readonly (Authentication | Refusal)[]> {
    await this.loadKeys(frame, items, sender);
    if (frame.batch?.signature !== undefined)
      return this.authenticateBatch(
        { ...frame.batch, signature: frame.batch.signature },
        items,
        nowMs,
      );
    const { directory, devices } = this.parts;
    const answers: (Authentication | Refusal)[] = [];
    let checks = 0;
    for (const [index, item] of items.entries()) {
      const envelope = frame.items[index]!;
      if (item instanceof Refusal || envelope instanceof Refusal) {
        answers.push(item as Refusal);
      } else if (envelope.signature === undefined) {
        answers.push(
          this.byConnection(item, sender, nowMs) ??
            authenticateUnsigned(item.reading, sender, directory, devices.unsigned),
        );
      } else {
        answers.push(this.authenticateSigned(envelope.signature, item, nowMs));
        checks += 1;
        if (checks % CHECKS_PER_TURN === 0) await this.parts.turn();
      }
    }
    return answers;
  }

  private byConnection(
    { reading }: ReadItem,
    { certified, device }: UnsignedSender,
    nowMs: number,
  ): Authentication | Refusal | undefined {
    const { directory, devices } = this.parts;
    const known =
      certified && authenticateConnection(certified, reading, directory, nowMs, devices.algorithms);
    if (known !== undefined || device === undefined) return known;
    return authenticateDeviceKey(device, reading, directory, nowMs);
  }

  private async loadKeys(
    frame: Frame,
    items: readonly (ReadItem | Refusal)[],
    sender: UnsignedSender,
  ): Promise<void> {
    const { directory, devices } = this.parts;
    const { certified, device } = sender;
    const meterIds = new Set<string>();
    const keyIds = new Set<string>();
    const batchKey = frame.batch?.signature?.keyId;
    if (batchKey !== undefined) keyIds.add(batchKey);
    if (certified !== undefined) keyIds.add(certified.keyId);
    for (const [index, item] of items.entries()) {
      if (item instanceof Refusal) continue;
      const envelope = frame.items[index]!;
      const signature = envelope instanceof Refusal ? undefined : envelope.signature;
      // What needs a signature and has none is refused whatever it says: a stranger's ids are not looked up.
      const proven =
        signature !== undefined ||
        batchKey !== undefined ||
        certified !== undefined ||
        device !== undefined ||
        isVouchedFor(item.reading.meterId, sender);
      if (!proven && devices.unsigned === 'require') continue;
      meterIds.add(item.reading.meterId);
      if (signature?.keyId !== undefined) keyIds.add(signature.keyId);
    }
    await directory.refresh();
    await directory.load(meterIds, keyIds);
  }

  private identify(
    signature: NamedSignature,
    { reading }: ReadItem,
    nowMs: number,
    directory: Pick<MeterDirectory, 'peekKey' | 'peekMeter'> = this.parts.directory,
  ): ClaimedKey | Refusal {
    return identify(signature, reading, directory, nowMs, this.parts.devices.algorithms);
  }

  private authenticateSigned(
    signature: EnvelopeSignature,
    item: ReadItem,
    nowMs: number,
  ): Authentication | Refusal {
    const { keyId } = signature;
    const { directory } = this.parts;
    if (keyId !== undefined) {
      const named = { ...signature, keyId };
      return this.verifySigned(named, item, this.identify(named, item, nowMs));
    }
    const { meterId } = item.reading;
    const keys = keysOfMeter(signature.alg, meterId, directory);
    if (keys instanceof Refusal) return keys;
    let answer: Authentication | Refusal | undefined;
    for (const key of keys) {
      const named = { ...signature, keyId: key.keyId };
      const known = {
        peekKey: () => [directory.peekMeter(meterId)!],
        peekMeter: (id: string) => directory.peekMeter(id),
      };
      const next = this.verifySigned(named, item, this.identify(named, item, nowMs, known));
      if (!(next instanceof Refusal)) return next;
      answer ??= next;
    }
    return answer!;
  }

  private verifySigned(
    signature: NamedSignature,
    { document }: ReadItem,
    claimed: ClaimedKey | Refusal,
  ): Authentication | Refusal {
    if (claimed instanceof Refusal) return claimed;
    const { format, bytes } = document;
    const message = messageOf(signature, claimed, format, bytes);
    if (message instanceof Refusal) return message;
    if (!this.parts.signatures.verify(claimed.key.publicKey, message, signature.value))
      return invalidSignature('the document');
    return authenticated(claimed, signature);
  }

  private async authenticateBatch(
    batch: SignedBatch,
    items: readonly (ReadItem | Refusal)[],
    nowMs: number,
  ): Promise<readonly (Authentication | Refusal)[]> {
    const broken = items.findIndex((item) => item instanceof Refusal);
    if (broken >= 0)
      return items.map((item) =>
        item instanceof Refusal
          ? item
          : new Refusal(
              'batch_item_invalid',
              `item ${broken} of the batch cannot be read, so its signature cannot be checked`,
            ),
      );
    const read = items as readonly ReadItem[];
    const { nonce, signature, chain } = batch;
    const unnumbered = chain && checkNumbers(chain, read);
    if (unnumbered !== undefined) return read.map(() => unnumbered);
    const { signatures, hashing } = this.parts;
    const logHashes = read.map(({ logHash }) => logHash);
    const { nonces, tree } = signedBatchTree(nonce, logHashes, hashing);
    const message =
      chain === undefined
        ? batchMessage(signature.keyId, read.length, tree.root)
        : chainedBatchMessage(signature.keyId, read.length, tree.root, chain);
    const envelope = chain && { type: 'chain', header: chainHeader(chain) };
    // By SPKI: normally one key; two keys of one id would each be asked once.
    const valid = new Map<Uint8Array, boolean>();
    const answers = read.map((item, index) => {
      const claimed = this.identify(signature, item, nowMs);
      if (claimed instanceof Refusal) return claimed;
      const { publicKey } = claimed.key;
      const isValid =
        valid.get(publicKey) ?? signatures.verify(publicKey, message, signature.value);
      valid.set(publicKey, isValid);
      if (!isValid) return invalidSignature('the batch');
      return authenticated(
        claimed,
        envelope === undefined ? signature : { ...signature, envelope },
        {
          nonce: nonces[index]!,
          index,
          count: read.length,
          path: tree.path(index),
        },
      );
    });
    if (chain === undefined) return answers;
    const signed = {
      ...chain,
      root: tree.root,
      hash: chainHash(message, sha256Of(hashing)),
      signature: signature.value,
      receivedAtMs: nowMs,
    };
    const told = await extendChain(this.parts.chains, answers, signed, this.parts.sayFork);
    return told === undefined
      ? answers
      : answers.map((answer) => (answer instanceof Refusal ? answer : told));
  }
}

type SignedBatch = NonNullable<Frame['batch']> & { readonly signature: NamedSignature };

/** The bytes under the signature over one document. */
function messageOf(
  { keyId, envelope }: NamedSignature,
  { key }: ClaimedKey,
  format: string,
  bytes: Uint8Array,
): Uint8Array | Refusal {
  if (envelope === undefined) return signedMessage(format, keyId, bytes);
  try {
    return envelopeMessage(envelope, { alg: key.alg, keyId }, { format, bytes });
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    return new Refusal(error.code, error.message);
  }
}

function invalidSignature(of: string): Refusal {
  return new Refusal(
    'signature_invalid',
    `the signature is not the key's over ${of}; check the domain line, the key id and the canonical bytes`,
  );
}

function authenticated(
  { meter, key }: ClaimedKey,
  { keyId, value, envelope }: NamedSignature,
  batch?: EntrySignature['batch'],
): Authentication | Refusal {
  const hold = checkMeterState(meter);
  if (hold instanceof Refusal) return hold;
  const { alg, publicKey } = key;
  return {
    assurance: 'device-signature',
    meter,
    key,
    signature: {
      alg,
      keyId,
      publicKey,
      value,
      ...(envelope === undefined ? {} : { envelope }),
      ...(batch === undefined ? {} : { batch }),
    },
    ...(hold === undefined ? {} : { hold }),
  };
}
