/** What a replica does; each job belongs to one of them. */
export type JobRole = 'api' | 'ingest' | 'batch' | 'anchor' | 'match';

/** Periodic work. */
export interface Job {
  /** Unique; also the name of its lease: `batcher`, `anchor.bitcoin`. */
  readonly name: string;
  readonly role: JobRole;
  readonly periodMs: number;
  /**
   * How long after this replica fell silent another takes over; renewed while a run is under way. At least `periodMs`; or 0:
   * what every replica does for itself, whatever its roles.
   */
  readonly leaseMs: number;
  /** `signal` aborts when the gateway stops or the lease is lost. Must be safe to run again after being cut off anywhere. */
  run(signal: AbortSignal): Promise<void>;
}

/** How a job is doing on this replica. */
export interface JobStatus {
  readonly name: string;
  readonly role: JobRole;
  readonly periodMs: number;
  readonly leaseMs: number;
  /** Whether this replica has the job's role. */
  readonly enabled: boolean;
  readonly running: boolean;
  readonly runs: number;
  readonly failures: number;
  /** Times another replica held the lease. */
  readonly heldElsewhere: number;
  readonly lastStartedAtMs?: number;
  readonly lastEndedAtMs?: number;
  readonly lastError?: string;
}
