import type { DeviceDesk } from '../../spi/index.js';

type Parameter<Method extends keyof DeviceDesk> = Parameters<DeviceDesk[Method]>[0];
type Verdict = Awaited<ReturnType<DeviceDesk['answered']>>;

/** A desk that keeps what it is told, for a test to look at; `hold` makes it slow to commit, `unavailable` makes it fail. */
export class KeptDesk implements DeviceDesk {
  readonly signsOfLife: { readonly device: string; readonly atMs: number }[] = [];
  readonly presences: Parameter<'presence'>[] = [];
  readonly telemetries: Parameter<'telemetry'>[] = [];
  readonly alerts: Parameter<'alert'>[] = [];
  readonly progresses: Parameter<'progress'>[] = [];
  readonly deadLetters: Parameter<'deadLetter'>[] = [];
  readonly answers: {
    readonly device: string;
    readonly bytes: Uint8Array;
    readonly verdict: Verdict;
  }[] = [];
  unavailable: Error | undefined;
  /** What becomes of an answer; unless a test says otherwise it is accepted, and a duplicate when its bytes came before. */
  verdictOf: (device: string, bytes: Uint8Array) => Verdict = (device, bytes) =>
    this.answers.some((before) => before.device === device && sameBytes(before.bytes, bytes))
      ? 'duplicate'
      : 'accepted';
  #gate: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();

  /** Nothing is durable until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = promise;
    return resolve;
  }
  /** Resolves as soon as `found` sees what it wants on this desk. */
  async until<Found>(found: (desk: this) => Found | undefined): Promise<Found> {
    for (;;) {
      const it = found(this);
      if (it !== undefined) return it;
      await this.#changed.promise;
    }
  }

  seen(device: string, atMs: number): void {
    this.signsOfLife.push({ device, atMs });
    this.#tell();
  }
  presence(change: Parameter<'presence'>): Promise<void> {
    return this.#keep(() => this.presences.push(change)).then(() => {});
  }
  telemetry(report: Parameter<'telemetry'>): Promise<void> {
    return this.#keep(() => this.telemetries.push(report)).then(() => {});
  }
  alert(alert: Parameter<'alert'>): Promise<{ readonly id: string; readonly duplicate: boolean }> {
    return this.#keep(() => {
      const text = JSON.stringify([alert.device, alert.code, alert.atMs]);
      const at = this.alerts.findIndex(
        (kept) => JSON.stringify([kept.device, kept.code, kept.atMs]) === text,
      );
      if (at < 0) this.alerts.push(alert);
      return { id: `alert_${at < 0 ? this.alerts.length - 1 : at}`, duplicate: at >= 0 };
    });
  }
  progress(report: Parameter<'progress'>): Promise<void> {
    return this.#keep(() => this.progresses.push(report)).then(() => {});
  }
  deadLetter(letter: Parameter<'deadLetter'>): Promise<void> {
    return this.#keep(() => this.deadLetters.push(letter)).then(() => {});
  }
  answered(device: string, bytes: Uint8Array): Promise<Verdict> {
    return this.#keep(() => {
      const verdict = this.verdictOf(device, bytes);
      this.answers.push({ device, bytes, verdict });
      return verdict;
    });
  }

  async #keep<Kept>(keep: () => Kept): Promise<Kept> {
    await this.#gate;
    if (this.unavailable) throw this.unavailable;
    const kept = keep();
    this.#tell();
    return kept;
  }
  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, at) => byte === b[at]);
