import { mayAccess, type Principal, seesEveryAccount } from '../accounts/access.js';
import type { ApiKeyCheck } from '../accounts/api-key-check.js';
import type { ApiKeyDirectory } from '../accounts/api-key-directory.js';
import type { ConnectChallenges } from '../devices/connect-challenges.js';
import type { MeterDirectory } from '../devices/meter-directory.js';
import { ownerAt } from '../devices/meter-ownership.js';
import type { StoredMeter } from '../devices/meter.store.js';
import { isInUse, type ProvenKey, type ProvenKeys } from '../devices/proven-keys.js';
import type { Sender } from '../ingestion/admit.js';
import type { Caller, Callers, Clock, Credential, DomainEvent } from '../spi/index.js';

/** What stands behind a caller. */
type Known =
  | { readonly kind: 'api-key'; readonly principal: Principal }
  | { readonly kind: 'device-key'; readonly key: ProvenKey };

/** Whom the gateway knows at its connections. A caller that it did not make itself is nobody. */
export class KnownCallers implements Callers {
  private readonly known = new WeakMap<Caller, Known>();

  constructor(
    private readonly parts: {
      readonly apiKeys: ApiKeyDirectory;
      readonly check: ApiKeyCheck;
      readonly provenKeys: ProvenKeys;
      readonly challenges: ConnectChallenges;
      readonly directory: MeterDirectory;
      readonly clock: Clock;
    },
  ) {}

  challenge(): Promise<string> {
    return this.parts.challenges.make();
  }

  async authenticate(credential: Credential): Promise<Caller | undefined> {
    const { apiKeys, check, provenKeys } = this.parts;
    if (credential.kind === 'api-key') {
      const principal = await check.principalOf(credential.key, apiKeys);
      return principal && this.callerOfKey(principal);
    }
    const key =
      credential.kind === 'certificate'
        ? await provenKeys.byCertificate(credential)
        : await provenKeys.bySignature(credential);
    return key && this.callerOfDevice(key);
  }

  async isValid(caller: Caller): Promise<boolean> {
    const known = this.known.get(caller);
    if (known === undefined || !(await this.isLive(known))) return false;
    if (known.kind === 'device-key')
      return (await this.parts.provenKeys.metersOf(known.key)).length > 0;
    const { meterId, accountId } = known.principal;
    return meterId === undefined || this.isOwnMeter(await this.meter(meterId), accountId);
  }

  async maySpeakFor(caller: Caller, meterId: string): Promise<boolean> {
    const known = this.known.get(caller);
    if (known === undefined || !(await this.isValid(caller))) return false;
    if (known.kind === 'device-key')
      return (await this.parts.provenKeys.metersOf(known.key)).some(
        (meter) => meter.meterId === meterId,
      );
    const { principal } = known;
    if (principal.meterId !== undefined) return principal.meterId === meterId;
    if (mayAccess(principal, 'operator')) return true;
    return this.isOwnMeter(await this.meter(meterId), principal.accountId);
  }

  async mayHear(caller: Caller, { data }: DomainEvent): Promise<boolean> {
    const known = this.known.get(caller);
    if (known === undefined || !(await this.isValid(caller))) return false;
    if (known.kind === 'api-key') {
      const { scopes } = known.principal;
      if (scopes.length > 0 && !scopes.includes('read')) return false;
      if (seesEveryAccount(known.principal)) return true;
    }
    const { meter: meterId, account } = data;
    if (caller.kind !== 'device')
      return account === caller.accountId || (account === undefined && meterId === undefined);
    if (typeof meterId !== 'string') return account === undefined;
    if (!(await this.maySpeakFor(caller, meterId))) return false;
    // What concerns a former owner of the meter is not its device's to hear.
    const meter = await this.meter(meterId);
    return (
      account === undefined ||
      (meter !== undefined && account === ownerAt(meter, this.parts.clock.nowMs()).accountId)
    );
  }

  /** What ingestion is told of whom a message comes from; undefined when their credential is worth nothing any more. */
  async senderOf(caller: Caller): Promise<Sender | undefined> {
    const known = this.known.get(caller);
    if (known === undefined || !(await this.isLive(known))) return undefined;
    if (known.kind === 'device-key') {
      const { keyId, publicKey } = known.key;
      return { principal: { kind: 'device', id: keyId }, certified: { keyId, publicKey } };
    }
    return senderOfKey(known.principal);
  }

  private async isLive(known: Known): Promise<boolean> {
    const { apiKeys, check, provenKeys } = this.parts;
    if (known.kind === 'device-key') return provenKeys.isLive(known.key);
    if (known.principal.kind === 'admin-key') return true;
    const stored = await apiKeys.apiKey(known.principal.id);
    return stored !== undefined && check.isLive(stored);
  }

  private async callerOfKey(principal: Principal): Promise<Caller | undefined> {
    const { id, accountId, meterId } = principal;
    if (meterId !== undefined && !this.isOwnMeter(await this.meter(meterId), accountId))
      return undefined;
    const kind = principal.kind === 'admin-key' ? 'admin-key' : 'api-key';
    // A copy: what the plugin does to it changes nothing here.
    const scopes = [...principal.scopes];
    const caller: Caller =
      meterId === undefined
        ? { kind, id, accountId, scopes }
        : { kind: 'device', id: meterId, accountId, meterIds: [meterId], scopes };
    return this.remember(caller, { kind: 'api-key', principal });
  }

  private async callerOfDevice(key: ProvenKey): Promise<Caller | undefined> {
    const meters = await this.parts.provenKeys.metersOf(key);
    const [first] = meters;
    if (first === undefined) return undefined;
    // Connections go by their ids: a key that is called like somebody else's meter opens none.
    const named = await this.meter(key.keyId);
    const isTaken = named !== undefined && named.state !== 'retired';
    if (isTaken && meters.every(({ meterId }) => meterId !== named.meterId)) return undefined;
    const { accountId } = ownerAt(first, this.parts.clock.nowMs());
    const meterIds = meters.map(({ meterId }) => meterId);
    const caller: Caller = { kind: 'device', id: key.keyId, accountId, meterIds, scopes: [] };
    return this.remember(caller, { kind: 'device-key', key });
  }

  private remember(caller: Caller, known: Known): Caller {
    this.known.set(Object.freeze(caller), known);
    return caller;
  }

  private meter(meterId: string): Promise<StoredMeter | undefined> {
    return this.parts.directory.meter(meterId);
  }

  private isOwnMeter(meter: StoredMeter | undefined, accountId: string): boolean {
    if (meter === undefined || !isInUse(meter)) return false;
    return ownerAt(meter, this.parts.clock.nowMs()).accountId === accountId;
  }
}

/** What ingestion is told of whose key came with a message. */
export function senderOfKey(principal: Principal): Sender {
  const { id, accountId, scopes, meterId } = principal;
  return {
    principal: { kind: 'api-key', id },
    accountId,
    everyAccount: mayAccess(principal, 'operator'),
    scopes,
    ...(meterId === undefined ? {} : { device: { meterId, accountId } }),
  };
}
