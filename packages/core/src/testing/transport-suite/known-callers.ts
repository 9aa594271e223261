import type { Caller, Callers, Credential, DomainEvent } from '../../spi/index.js';

type SignatureCheck = (credential: Credential & { kind: 'device-signature' }) => boolean;

/** Callers that a test made known. What the host promises holds: a caller that it did not make itself is nobody. */
export class KnownCallers implements Callers {
  /** Set to have every question fail, as it does when the store cannot be asked. */
  unavailable: Error | undefined;
  readonly #known: { readonly is: (credential: Credential) => boolean; readonly caller: Caller }[] =
    [];
  readonly #revoked = new Set<Caller>();
  readonly #challenges = new Set<string>();
  readonly #used = new Set<string>();
  #made = 0;

  /** A device that shows this key, speaking for one meter. */
  knowDevice(key: string, meterId: string, accountId = 'acc_1'): Caller {
    const caller: Caller = Object.freeze({
      kind: 'device',
      id: meterId,
      accountId,
      meterIds: Object.freeze([meterId]),
      scopes: Object.freeze([]),
    });
    return this.know((shown) => shown.kind === 'api-key' && shown.key === key, caller);
  }
  /** A device that signs; `check` decides over key id, challenge and signature. */
  knowSigner(keyId: string, caller: Caller, check: SignatureCheck): Caller {
    return this.know(
      (shown) => shown.kind === 'device-signature' && shown.keyId === keyId && check(shown),
      caller,
    );
  }
  /** Anybody whose credential the predicate recognises. */
  know(is: (credential: Credential) => boolean, caller: Caller): Caller {
    this.#known.push({ is, caller });
    return caller;
  }
  /** Its key is revoked, its user disabled or its meter suspended: connections that it has may stand. */
  revoke(caller: Caller): void {
    this.#revoked.add(caller);
  }

  async challenge(): Promise<string> {
    this.#ask();
    const challenge = `challenge-${(this.#made += 1)}`;
    this.#challenges.add(challenge);
    return challenge;
  }
  async authenticate(credential: Credential): Promise<Caller | undefined> {
    this.#ask();
    if (credential.kind === 'device-signature' && !this.#fresh(credential.challenge)) return;
    const caller = this.#known.find(({ is }) => is(credential))?.caller;
    return caller && !this.#revoked.has(caller) ? caller : undefined;
  }
  async isValid(caller: Caller): Promise<boolean> {
    this.#ask();
    return this.#isOurs(caller) && !this.#revoked.has(caller);
  }
  async maySpeakFor(caller: Caller, meterId: string): Promise<boolean> {
    this.#ask();
    return (
      (await this.isValid(caller)) &&
      (caller.meterIds === undefined || caller.meterIds.includes(meterId))
    );
  }
  /** Decided by `account` and `meter` of the event's data. */
  async mayHear(caller: Caller, event: DomainEvent): Promise<boolean> {
    this.#ask();
    if (!(await this.isValid(caller))) return false;
    const { account, meter } = event.data;
    if (typeof meter === 'string' && caller.meterIds) return caller.meterIds.includes(meter);
    return account === undefined || account === caller.accountId || caller.kind === 'admin-key';
  }

  #isOurs(caller: Caller): boolean {
    return this.#known.some((known) => known.caller === caller);
  }
  /** Single use; a device whose message is the first makes its own, `<ms>.<hex>`. */
  #fresh(challenge: string): boolean {
    if (this.#challenges.delete(challenge)) return true;
    const own = /^\d+\.[0-9a-f]{32}$/.test(challenge) && !this.#used.has(challenge);
    this.#used.add(challenge);
    return own;
  }
  #ask(): void {
    if (this.unavailable) throw this.unavailable;
  }
}
