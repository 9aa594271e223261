import type { CommittedReading, FindingStore, RegisterWindow } from './finding.store.js';
import { RegisterHistory } from './register-history.js';

/** Registers asked for in one question to the store. */
const REGISTERS_AT_ONCE = 50;

/** Histories in memory, so that a reading costs no query: the longest unused are forgotten first. */
export class RememberedRegisters {
  private readonly histories = new Map<string, RegisterHistory>();
  private intervals = 0;

  constructor(
    private readonly store: Pick<FindingStore, 'history'>,
    private readonly limits: { readonly perRegister: number; readonly inAll: number },
    /** Hears of a register that is known no more. */
    private readonly onForget: (key: string) => void,
  ) {}

  static key(fingerprint: Uint8Array, register: string): string {
    return `${Buffer.from(fingerprint.buffer, fingerprint.byteOffset, fingerprint.length).toString('latin1')}${register}`;
  }

  get(key: string): RegisterHistory | undefined {
    return this.histories.get(key);
  }

  /** Reads what is not known yet of these registers, all that the store has in their windows. */
  async load(windows: ReadonlyMap<string, RegisterWindow>): Promise<void> {
    const missing = [...windows].filter(([key]) => !this.touch(key));
    for (let from = 0; from < missing.length; from += REGISTERS_AT_ONCE) {
      const asked = missing.slice(from, from + REGISTERS_AT_ONCE);
      const found = await this.store.history(asked.map(([, window]) => window));
      for (const [place, [key]] of asked.entries()) {
        const history = new RegisterHistory(this.limits.perRegister);
        for (const point of found[place] ?? []) history.add(point);
        this.histories.set(key, history);
        this.intervals += history.length;
      }
    }
  }

  /** A measured interval of a register that is known. */
  add(key: string, reading: CommittedReading, energyUWh: bigint): void {
    const history = this.histories.get(key);
    if (history === undefined) return;
    const before = history.length;
    history.add({ startsMs: reading.startsMs, endsMs: reading.endsMs, energyUWh });
    this.intervals += history.length - before;
  }

  forget(key: string): void {
    const history = this.histories.get(key);
    if (history === undefined) return;
    this.intervals -= history.length;
    this.histories.delete(key);
    this.onForget(key);
  }

  forgetAll(): void {
    for (const key of this.histories.keys()) this.forget(key);
  }

  /** Forgets what was not used longest, until the rest is no more than may be remembered. */
  trim(): void {
    for (const key of this.histories.keys()) {
      if (this.intervals <= this.limits.inAll) return;
      this.forget(key);
    }
  }

  /** Known, and used last. */
  private touch(key: string): boolean {
    const history = this.histories.get(key);
    if (history === undefined) return false;
    this.histories.delete(key);
    this.histories.set(key, history);
    return true;
  }
}
