import type { TokenBuckets } from '../devices/token-bucket.js';
import type { Clock, Ingest, IngestItem } from '../spi/index.js';
import type { FirstSignatures } from '../devices/first-signatures.js';
import { isUnproven } from '../devices/key-changes.js';
import type { MeterKey } from '../devices/meter.store.js';
import type { BatchProfile } from '../verify/contracts.js';
import type { CanonicalDocument } from '../verify/formats/format.js';
import { logHash, type Hashing } from '../verify/tree-hashing.js';
import { admit, refusalOf, type IngestionMessage, type Sender } from './admit.js';
import { deviceOfKey, type Authentication } from './authenticate.js';
import type { Authenticator, ReadItem } from './authenticator.js';
import { buildRows, type Judged, type RowContext } from './build-row.js';
import { isRetryable, QueueRefused, type CommitQueue } from './commit-queue.js';
import { frame, frameCose, type Frame } from './frame.js';
import type { CommittedRow, IngestRow, StoredReceipt } from './ingest.store.js';
import type { IngestionConfig } from './ingestion.config.js';
import type { Inspect } from './hold.js';
import { judge } from './judge.js';
import { covered } from './point-reading.js';
import { readItem, type ReadDocument } from './read-item.js';
import { Refusal } from './refusal.js';
import { meaningOf } from './verdict-codes.js';

/** Besides the plugin contract's answer: whether the message was one envelope, to be answered as one document. */
export type IngestionAnswer =
  | {
      readonly kind: 'items';
      readonly form: 'one' | 'many';
      readonly items: readonly IngestItem[];
    }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | {
      readonly kind: 'retry';
      readonly code: 'throttled' | 'store_unavailable';
      readonly retryAfterMs: number;
    };

/** The answer to one unsigned `emlog-1.1` document, with the document as it is kept. */
export type LogAnswer =
  | {
      readonly kind: 'item';
      readonly item: IngestItem;
      /** Absent when the document could not be read. */
      readonly document?: CanonicalDocument;
    }
  | Exclude<IngestionAnswer, { kind: 'items' }>;

export interface IngestionParts {
  readonly config: IngestionConfig;
  /** What every verdict names. */
  readonly ruleSet: string;
  readonly profile: BatchProfile;
  readonly clock: Clock;
  readonly random: (length: number) => Uint8Array;
  readonly hashing: Hashing;
  readonly readDocument: ReadDocument;
  readonly authenticator: Authenticator;
  readonly unsignedRate: TokenBuckets;
  /** How late a sequence number may come; absent: however late. */
  readonly sequenceWindow?: bigint;
  readonly queue: CommitQueue;
  readonly firstSignatures: FirstSignatures;
  /** What the detectors that may hold a reading say of it. */
  readonly inspect?: Inspect;
  /** A stored receipt as its holder gets it. */
  readonly receiptJson: (receipt: StoredReceipt) => object;
}

/** Called once per message; what transports, HTTP and imports share. */
export class IngestionService implements Ingest {
  /** What sequences know a key by, for as long as the directory remembers the key. */
  private readonly deviceNames = new WeakMap<MeterKey, string>();

  constructor(private readonly parts: IngestionParts) {}

  /** Takes a message apart, judges each item and resolves after commit. One bad item never fails the others. */
  async accept(message: IngestionMessage, signal?: AbortSignal): Promise<IngestionAnswer> {
    signal?.throwIfAborted();
    const shed = this.parts.queue.refusal();
    if (shed !== undefined) return retry(shed);
    const framed = this.frame(message);
    if (framed instanceof Refusal) return refused(framed);
    const read = this.readAll(framed);
    const answer = await this.process(framed, read, message);
    return 'kind' in answer ? answer : { kind: 'items', form: framed.form, items: answer.items };
  }

  /** `POST /logs`: one unsigned `emlog-1.1` document; `devices.unsigned` decides about it. */
  async acceptLog(jsonText: string, sender: Sender = {}): Promise<LogAnswer> {
    const shed = this.parts.queue.refusal();
    if (shed !== undefined) return retry(shed);
    const { itemBytes } = this.parts.config.limits;
    const message: IngestionMessage = {
      contentType: 'application/json',
      bytes: Buffer.from(jsonText, 'utf8'),
      assurance: 'unsigned',
      ...sender,
    };
    const text = admit(message, this.parts.config);
    if (text instanceof Refusal) return refused(text);
    if (message.bytes.length > itemBytes)
      return refused(
        new Refusal(
          'item_too_large',
          `the document has ${message.bytes.length} bytes, at most ${itemBytes} are taken`,
        ),
      );
    const framed: Frame = {
      form: 'one',
      items: [{ format: 'emlog-1.1', content: { kind: 'document', text } }],
    };
    const read = this.readAll(framed);
    const answer = await this.process(framed, read, message);
    if ('kind' in answer) return answer;
    const [item] = answer.items;
    const [first] = read;
    if (item === undefined || first === undefined) throw new Error('one document, no answer');
    return first instanceof Refusal
      ? { kind: 'item', item }
      : { kind: 'item', item, document: first.document };
  }

  private frame(message: IngestionMessage): Frame | Refusal {
    const { config } = this.parts;
    const { contentType, bytes } = message;
    if (contentType === 'application/cose')
      return refusalOf(message, config) ?? frameCose(bytes, config.limits);
    const text = admit(message, config);
    return text instanceof Refusal ? text : frame(text, contentType, config.limits);
  }

  private readAll({ items }: Frame): readonly (ReadItem | Refusal)[] {
    const { readDocument, hashing } = this.parts;
    return items.map((item) => {
      const document = item instanceof Refusal ? item : readItem(item, readDocument);
      if (document instanceof Refusal) return document;
      const { reading } = document;
      if (reading === undefined) throw new Error(`no reading in a ${document.format} document`);
      return {
        document,
        reading: covered(document.format, reading),
        logHash: logHash(document.bytes, hashing),
      };
    });
  }

  private async process(
    framed: Frame,
    read: readonly (ReadItem | Refusal)[],
    sender: IngestionMessage,
  ): Promise<{ readonly items: readonly IngestItem[] } | Retry> {
    const { authenticator, clock, queue } = this.parts;
    const nowMs = clock.nowMs();
    try {
      const known = await authenticator.authenticate(framed, read, sender, nowMs);
      const throttled = this.throttleUnproven(known, sender);
      if (throttled !== undefined) return throttled;
      const answers = new Array<IngestItem>(read.length);
      const kept: Judged[] = [];
      const places: number[] = [];
      for (const [index, item] of read.entries()) {
        const judged = this.judge(item, known[index]!, sender, nowMs);
        if (judged instanceof Refusal) {
          answers[index] = rejectedItem(judged, item);
          continue;
        }
        kept.push(judged);
        places.push(index);
      }
      const rows = buildRows(kept, this.rowContext(nowMs, sender));
      const committed = await queue.submit(rows, sender.bytes.length);
      for (const [i, index] of places.entries())
        answers[index] = this.committedItem(rows[i]!, committed[i]!, kept[i]!.judgement.detail);
      await this.noteFirstSignatures(kept, committed);
      return { items: answers };
    } catch (error) {
      if (isRetryable(error)) return retry(error, this.parts.config.commit.retryAfterMs);
      throw error;
    }
  }

  private judge(
    item: ReadItem | Refusal,
    authentication: Authentication | Refusal,
    sender: Sender,
    nowMs: number,
  ): Judged | Refusal {
    if (item instanceof Refusal) return item;
    if (authentication instanceof Refusal) return authentication;
    const backfill = mayBackfill(sender);
    const { config, inspect } = this.parts;
    const judgement = judge(item, authentication, { ms: nowMs, backfill }, config, inspect);
    return judgement instanceof Refusal ? judgement : { item, authentication, judgement };
  }

  /** Readings that anybody could send: unsigned ones, and those of a meter that anybody could have registered. */
  private throttleUnproven(
    known: readonly (Authentication | Refusal)[],
    { principal, accountId, source }: IngestionMessage,
  ): Retry | undefined {
    let unproven = 0;
    for (const one of known)
      if (
        !(one instanceof Refusal) &&
        (one.assurance === 'unsigned' || one.hold?.code === 'meter_pending')
      )
        unproven += 1;
    if (unproven === 0) return undefined;
    const from = principal?.id ?? accountId ?? source ?? 'anonymous';
    const waitMs = this.parts.unsignedRate.take(from, unproven);
    return waitMs === 0 ? undefined : { kind: 'retry', code: 'throttled', retryAfterMs: waitMs };
  }

  /** The readings are committed: whatever happens here, they are. */
  private async noteFirstSignatures(
    kept: readonly Judged[],
    committed: readonly CommittedRow[],
  ): Promise<void> {
    const noted = new Set<MeterKey>();
    for (const [i, { authentication }] of kept.entries()) {
      const { meter, key, signature } = authentication;
      const { outcome } = committed[i]!;
      if (meter === undefined || key === undefined || signature === undefined) continue;
      if (!isUnproven(key) || noted.has(key) || outcome.kind === 'refused') continue;
      noted.add(key);
      try {
        await this.parts.firstSignatures.note(meter, key, outcome.id);
      } catch (error) {
        if (!isRetryable(error)) throw error;
      }
    }
  }

  private rowContext(receivedAtMs: number, sender: Sender): RowContext {
    const { profile, hashing, random, config, ruleSet, sequenceWindow } = this.parts;
    const { minAssurance, defaultAccount } = config;
    const { accountId } = sender;
    const account = accountId ?? defaultAccount;
    const backfill = mayBackfill(sender);
    const named = accountId !== undefined;
    const deviceOf = (key: MeterKey): string => {
      const known = this.deviceNames.get(key);
      if (known !== undefined) return known;
      const name = deviceOfKey(key);
      this.deviceNames.set(key, name);
      return name;
    };
    const rules = { profile, ruleSet, minAssurance };
    const late = sequenceWindow === undefined ? {} : { sequenceWindow };
    return { ...rules, ...late, hashing, random, receivedAtMs, account, named, backfill, deviceOf };
  }

  private committedItem(
    row: IngestRow,
    { outcome, receipt }: CommittedRow,
    detail: string | undefined,
  ): IngestItem {
    const leaf = hex(row.logHash);
    if (outcome.kind === 'refused') {
      const { verdict } = meaningOf(outcome.code);
      return answer(null, leaf, verdict, outcome.code, outcome.detail, null);
    }
    const proof = receipt === undefined ? null : this.parts.receiptJson(receipt);
    if (outcome.kind === 'duplicate')
      return answer(outcome.id, leaf, 'duplicate', undefined, undefined, proof);
    const why = outcome.reason === row.reason ? detail : undefined;
    return answer(outcome.id, leaf, outcome.verdict, outcome.reason, why, proof);
  }
}

/** A sender without a credential has no scope to go back in time with, whatever signed the readings. */
function mayBackfill({ scopes }: Sender): boolean {
  return scopes?.includes('backfill') ?? false;
}

type Retry = Extract<IngestionAnswer, { kind: 'retry' }>;

function answer(
  id: string | null,
  leaf: string | null,
  verdict: IngestItem['verdict'],
  reason: string | undefined,
  detail: string | undefined,
  receipt: object | null,
): IngestItem {
  return {
    id,
    leaf_hash: leaf,
    verdict,
    ...(reason === undefined ? {} : { reason }),
    ...(detail === undefined ? {} : { detail }),
    duplicate: verdict === 'duplicate',
    receipt,
  };
}

function rejectedItem({ code, detail }: Refusal, item: ReadItem | Refusal): IngestItem {
  const leaf = item instanceof Refusal ? null : hex(item.logHash);
  return answer(null, leaf, 'rejected', code, detail, null);
}

function refused({ code, detail }: Refusal): IngestionAnswer & { kind: 'refused' } {
  return { kind: 'refused', code, detail };
}

function retry(error: { readonly code: string }, retryAfterMs = 1000): Retry {
  if (error instanceof QueueRefused)
    return { kind: 'retry', code: error.code, retryAfterMs: error.retryAfterMs };
  return { kind: 'retry', code: 'store_unavailable', retryAfterMs };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
