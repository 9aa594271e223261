import type { Assurance, StoredVerdict } from './verdict.js';

/** One verdict of an entry, as it was given. */
export interface Judgement {
  readonly verdict: StoredVerdict;
  readonly reason?: string;
  readonly assurance: Assurance;
  /** Id of the rules that gave it: their text is kept under it. */
  readonly ruleSet: string;
  /** JSON: what the rules looked at besides the document. Absent where a person or another entry decided. */
  readonly inputs?: string;
  readonly committedAtMs: number;
}

/** Port: why entries have the verdicts they have. */
export interface JudgementStore {
  /** Every verdict of the entry, oldest first. */
  of(entryId: string): Promise<readonly Judgement[]>;
  /** Keeps the text of rules for as long as the log. Doing it again changes nothing. */
  keepRules(rules: { readonly id: string; readonly text: string }): Promise<void>;
  rules(id: string): Promise<string | undefined>;
}
