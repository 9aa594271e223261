import type { Judgement, JudgementStore } from '../../logs/judgement.store.js';
import type { LogState } from './log-state.js';

export class MemoryJudgements implements JudgementStore {
  private readonly ruleSets = new Map<string, string>();

  constructor(private readonly log: LogState) {}

  async of(entryId: string): Promise<readonly Judgement[]> {
    const { judgements = [] } = this.log.byId.get(entryId) ?? {};
    return judgements.map(({ verdict, reason, assurance, inputs, receipt }) => ({
      verdict,
      ...(reason === undefined ? {} : { reason }),
      assurance,
      ruleSet: receipt.ruleSet,
      ...(inputs === undefined ? {} : { inputs }),
      committedAtMs: receipt.committedAtMs,
    }));
  }

  async keepRules({ id, text }: { readonly id: string; readonly text: string }): Promise<void> {
    if (!this.ruleSets.has(id)) this.ruleSets.set(id, text);
  }

  async rules(id: string): Promise<string | undefined> {
    return this.ruleSets.get(id);
  }
}
