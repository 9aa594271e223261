import { TRUST_LEVELS, type TrustLevel } from './contracts.js';

/** One thing a verification says, for a person, under a stable code. */
export interface Statement {
  readonly code: string;
  readonly text: string;
}

/** What verifying a proof came to. */
export interface ProofReport {
  /** Nothing failed and the level reached is at least the required one. */
  readonly ok: boolean;
  /** Highest trust level reached; absent when not even the operator's signature holds. */
  readonly level?: TrustLevel;
  readonly required: TrustLevel;
  /** The key that signed is known only from the proof itself. */
  readonly selfAsserted: boolean;
  /** vkey of the key that signed. */
  readonly signer?: string;
  /** logHash of the entry, hex. */
  readonly leafHash?: string;
  readonly proven: readonly Statement[];
  /** Parts nobody here can check, and what would. Never counted as proven. */
  readonly notChecked: readonly Statement[];
  readonly failures: readonly Statement[];
}

/** True when `level` is at least `required`. */
export function reaches(level: TrustLevel | undefined, required: TrustLevel): boolean {
  return level !== undefined && TRUST_LEVELS.indexOf(level) >= TRUST_LEVELS.indexOf(required);
}

/** Collects statements while a proof is checked. */
export class ReportDraft {
  readonly #proven: Statement[] = [];
  readonly #notChecked: Statement[] = [];
  readonly #failures: Statement[] = [];
  #level: TrustLevel | undefined;
  selfAsserted = true;
  signer: string | undefined;
  leafHash: string | undefined;

  prove(code: string, text: string, level?: TrustLevel): void {
    this.#proven.push({ code, text });
    if (level !== undefined && !reaches(this.#level, level)) this.#level = level;
  }

  skip(code: string, text: string): void {
    this.#notChecked.push({ code, text });
  }

  fail(code: string, text: string): void {
    this.#failures.push({ code, text });
  }

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  finish(required: TrustLevel): ProofReport {
    // A proof with a false part reaches no level at all.
    const level = this.failed ? undefined : this.#level;
    if (!this.failed && !reaches(level, required))
      this.fail('level_not_reached', `reached ${level ?? 'no level'}, ${required} is required`);
    return {
      ok: !this.failed,
      ...(level === undefined ? {} : { level }),
      required,
      selfAsserted: this.selfAsserted,
      ...(this.signer === undefined ? {} : { signer: this.signer }),
      ...(this.leafHash === undefined ? {} : { leafHash: this.leafHash }),
      proven: this.#proven,
      notChecked: this.#notChecked,
      failures: this.#failures,
    };
  }
}
