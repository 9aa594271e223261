/**
 * Something that an operator has done on a ledger once, by `gateway setup`: a contract put there, a right given. The gateway need not run, and
 * nothing of its store is touched.
 */
export interface AnchorTask {
  /** One line for a person. */
  readonly about: string;
  /** Values that it takes by name, with what each is. */
  readonly values?: Readonly<Record<string, string>>;
  /**
   * Does it, or in a dry run says what it would do and what that costs. Again is success that changes nothing. Failures are
   * `AnchorError`; `invalid` for values that are missing or wrong.
   */
  run(request: AnchorTaskRequest): Promise<void>;
}

export interface AnchorTaskRequest {
  readonly values: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
  /** Tells the operator one line. */
  readonly out: (line: string) => void;
  readonly signal: AbortSignal;
}
