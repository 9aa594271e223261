import type { IngestRow, IngestStore } from '../ingestion/ingest.store.js';
import type { Clock, DomainEvent } from '../spi/index.js';
import type { BatchProfile, JsonObject } from '../verify/contracts.js';
import { flatLeaves } from '../verify/merkle-levels.js';
import { type Hashing, leafHashes, logHash } from '../verify/tree-hashing.js';

/** What the gateway itself states. It becomes an entry of a system format (RFC 8785, closed schema). */
export interface SystemFact {
  /** Type of the entry, as lists filter by it: `audit`, `meter-event`, `claim`. */
  readonly type: string;
  /** A format the gateway writes itself, such as `audit/1`. */
  readonly format: string;
  /** Whose entry it is: it is listed and proven to this account. */
  readonly accountId: string;
  readonly document: JsonObject;
  /** Ids of the entries it says something of: erased with them. */
  readonly derivedFrom?: readonly string[];
}

/** Who did what to what. `detail` holds strings, numbers, booleans and nulls. */
export interface AuditFact {
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail?: JsonObject;
  readonly accountId: string;
  /** Told to subscribers besides the entry's own event. `data.account`: whom it concerns. */
  readonly event?: Pick<DomainEvent, 'type' | 'data'>;
}

/**
 * What the log says of a change: the store commits it together with the change, or neither. `issue` makes the
 * entries' receipts, inside the store's transaction.
 */
export interface Journaled {
  readonly rows: readonly IngestRow[];
  readonly issue: Parameters<IngestStore['commit']>[1];
  /** Told to subscribers besides the entries' own events. */
  readonly events?: readonly Omit<DomainEvent, 'id'>[];
}

const RANDOM_BYTES = 16;

/** Writes what the gateway states as rows of the log. Pure but for its randomness; nothing is stored here. */
export class Journal {
  constructor(
    private readonly parts: {
      readonly canonicalize: (format: string, document: JsonObject) => Uint8Array;
      readonly profile: BatchProfile;
      /** Name of the rules in force, as in the receipts of readings. */
      readonly ruleSet: string;
      readonly clock: Clock;
      readonly random: (length: number) => Uint8Array;
      readonly hashing: Hashing;
      readonly issue: Journaled['issue'];
    },
  ) {}

  /**
   * The entries that state these facts. A fact that the log holds already, byte for byte, is not written twice: what
   * has to be told apart carries something of its own (a key, a number, a time). Throws `FormatError` when a document
   * is not of its format.
   */
  entries(facts: readonly SystemFact[]): Journaled {
    const { canonicalize, profile, ruleSet, clock, random, hashing, issue } = this.parts;
    const receivedAtMs = clock.nowMs();
    const written = facts.map((fact) => {
      const bytes = canonicalize(fact.format, fact.document);
      return { fact, bytes, hash: logHash(bytes, hashing) };
    });
    const rows = written.map(({ fact, bytes, hash }): IngestRow => {
      const salt = profile === 'rfc9162' ? random(RANDOM_BYTES) : new Uint8Array(0);
      return {
        id: `log_${Buffer.from(random(RANDOM_BYTES)).toString('hex')}`,
        accountId: fact.accountId,
        source: 'system',
        type: fact.type,
        format: fact.format,
        bytes,
        logHash: hash,
        salt,
        profile,
        merkleLeaf: leafHashes(profile, flatLeaves([hash]), salt, hashing),
        // The gateway itself is the source, its receipt the signature; no energy is claimed with it.
        assurance: 'device-signature',
        verdict: 'accepted',
        ruleSet,
        receivedAtMs,
        ...(fact.derivedFrom === undefined ? {} : { derivedFrom: fact.derivedFrom }),
      };
    });
    return { rows, issue };
  }

  /** One `audit/1` entry. */
  audit({ actor, action, subject, detail, accountId, event }: AuditFact): Journaled {
    const atMs = this.parts.clock.nowMs();
    const at = new Date(atMs).toISOString();
    const document = { v: 'audit/1', actor, action, subject, ...(detail && { detail }), at };
    const said = this.entries([{ type: 'audit', format: 'audit/1', accountId, document }]);
    return event === undefined ? said : { ...said, events: [{ ...event, atMs }] };
  }
}
