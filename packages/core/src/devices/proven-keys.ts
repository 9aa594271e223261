import type { Clock, Credential } from '../spi/index.js';
import { connectMessage } from '../verify/device-signing.js';
import { decodeSpki, keyIdOf } from '../verify/spki.js';
import type { ConnectChallenges } from './connect-challenges.js';
import type { DevicesConfig } from './devices.config.js';
import { isLive } from './key-changes.js';
import type { MeterDirectory } from './meter-directory.js';
import type { MeterKey, StoredMeter } from './meter.store.js';
import type { SignatureVerifier } from './signature-verifier.js';

/** A device key that somebody at a connection has proven to hold. */
export interface ProvenKey {
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  /** Of a certificate: how long it is valid; ms since 1970, both inclusive. */
  readonly validity?: { readonly fromMs: number; readonly untilMs: number };
}

/** Which device keys open a connection, by a certificate or by a signature over a challenge. */
export class ProvenKeys {
  constructor(
    private readonly parts: {
      readonly directory: MeterDirectory;
      readonly signatures: SignatureVerifier;
      readonly challenges: ConnectChallenges;
      readonly clock: Clock;
      readonly algorithms: DevicesConfig['algorithms'];
      readonly origin: string;
    },
  ) {}

  /** The key of a certificate that TLS has checked; undefined when no meter has it. */
  async byCertificate({
    publicKey,
    fromMs,
    untilMs,
  }: Extract<Credential, { kind: 'certificate' }>): Promise<ProvenKey | undefined> {
    if (decodeSpki(publicKey) === undefined) return undefined;
    const own = Uint8Array.from(publicKey);
    const key = { keyId: keyIdOf(own), publicKey: own, validity: { fromMs, untilMs } };
    return (await this.metersOf(key)).length === 0 ? undefined : key;
  }

  /** The key whose signature it is over the challenge, which is used up then; undefined when it is none's. */
  async bySignature({
    keyId,
    challenge,
    signature,
  }: Extract<Credential, { kind: 'device-signature' }>): Promise<ProvenKey | undefined> {
    const { challenges, signatures, origin } = this.parts;
    if (!/^[0-9a-f]{16}$/.test(keyId) || !challenges.isTimely(challenge)) return undefined;
    const message = connectMessage(origin, keyId, challenge);
    const signer = (await this.holders(keyId))
      .flatMap(({ keys }) => keys.filter((key) => this.opens(key, keyId)))
      .find(({ publicKey }) => signatures.verify(publicKey, message, signature));
    if (signer === undefined || !(await challenges.use(challenge))) return undefined;
    return { keyId, publicKey: signer.publicKey };
  }

  /** The meters in use that the key speaks for now: none once it is revoked or replaced, or its certificate has run out. */
  async metersOf(key: ProvenKey): Promise<readonly StoredMeter[]> {
    return (await this.openedBy(key)).filter(isInUse);
  }

  /** Whether the key still is one of a meter's, in use or not. */
  async isLive(key: ProvenKey): Promise<boolean> {
    return (await this.openedBy(key)).length > 0;
  }

  private async openedBy({
    keyId,
    publicKey,
    validity,
  }: ProvenKey): Promise<readonly StoredMeter[]> {
    const nowMs = this.parts.clock.nowMs();
    if (validity !== undefined && (nowMs < validity.fromMs || nowMs > validity.untilMs)) return [];
    return (await this.holders(keyId)).filter(({ keys }) =>
      keys.some((key) => this.opens(key, keyId) && Buffer.compare(key.publicKey, publicKey) === 0),
    );
  }

  private opens(key: MeterKey, keyId: string): boolean {
    const { clock, algorithms } = this.parts;
    const isAllowed = (algorithms as readonly string[]).includes(key.alg);
    return key.keyId === keyId && isAllowed && isLive(key, clock.nowMs());
  }

  /** Meters that have, or had, a key of this id. */
  private async holders(keyId: string): Promise<readonly StoredMeter[]> {
    const { directory } = this.parts;
    await directory.refresh();
    await directory.load([], [keyId]);
    return directory.peekKey(keyId) ?? [];
  }
}

/** Whether what comes from the meter is looked at. */
export function isInUse({ state }: Pick<StoredMeter, 'state'>): boolean {
  return state === 'active' || state === 'pending';
}
