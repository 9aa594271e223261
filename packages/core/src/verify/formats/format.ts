/** One measured quantity of a document: which register of the meter, and how much. */
export interface MeasuredEnergy {
  /** `import`, `export`, `generation`; `consumption` for formats that know only one. */
  readonly register: string;
  /** Micro-watt-hours, never negative: literal × 10⁹ rounded down, read from the literal's digits. */
  readonly energyUWh: bigint;
}

/** What a reading says, whatever format said it. */
export interface ReadingFacts {
  readonly siteId: string;
  readonly deviceId: string;
  readonly meterId: string;
  /** Milliseconds since 1970 UTC; equal for a point reading. */
  readonly startsMs: number;
  readonly endsMs: number;
  readonly energies: readonly MeasuredEnergy[];
  /** Sequence number of the device within its key epoch, when the format has one. */
  readonly sequence?: bigint;
  /** Not measured but filled in by somebody (`status: estimated`). */
  readonly estimated: boolean;
  /** How sure the meter is of its clock, when the format says: U unknown, I informative, R relative, S synchronised. */
  readonly timeStatus?: 'U' | 'I' | 'R' | 'S';
  /** Whose energy the document says it is: a wallet. Somebody's word, and no proof. */
  readonly wallet?: string;
  /** logHash (hex) of the entry this one explicitly replaces. */
  readonly supersedes?: string;
}

/** A document that has canonical bytes. */
export interface CanonicalDocument {
  readonly format: string;
  readonly bytes: Uint8Array;
  /** Present when the document is a reading. */
  readonly reading?: ReadingFacts;
}

/** Why a document has no canonical bytes. `path` is a JSON path such as `tx.amount_sats`. */
export class FormatError extends Error {
  override readonly name = 'FormatError';

  constructor(
    readonly code: string,
    message: string,
    readonly path?: string,
  ) {
    super(message);
  }
}
