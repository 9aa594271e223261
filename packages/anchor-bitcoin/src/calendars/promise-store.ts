import type { CollectionDeclaration, Collections, JsonObject } from '@wattproof/core/spi';
import { bytesOf, hex } from '../verify/block-header.js';
import type { OtsTimestamp } from '../verify/ots/ots-timestamp.js';
import { readTimestamp } from '../verify/ots/read-ots.js';
import { writeTimestamp } from '../verify/ots/write-ots.js';

export const PROMISES: CollectionDeclaration = { name: 'promises', version: 1 };

/** What calendars have said of one digest: timestamps by the calendar's address. */
export type Promises = ReadonlyMap<string, OtsTimestamp>;

/** Nobody else keeps the path from a commitment to what a calendar anchors: it is stored before anything is told. */
export class PromiseStore {
  constructor(private readonly collections: Collections) {}

  async of(digest: Uint8Array): Promise<Promises> {
    const stored = await this.collections.get(PROMISES.name, hex(digest));
    const entries = Object.entries(stored?.value ?? {}).map(
      ([url, bytes]) => [url, readTimestamp(bytesOf(bytes) as Uint8Array, digest)] as const,
    );
    return new Map(entries);
  }

  async keep(digest: Uint8Array, promises: Promises): Promise<void> {
    const value: JsonObject = Object.fromEntries(
      [...promises].map(([url, timestamp]) => [url, hex(writeTimestamp(timestamp))]),
    );
    await this.collections.put(PROMISES.name, hex(digest), value);
  }
}
