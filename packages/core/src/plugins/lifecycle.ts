/** Order of start; stop is the exact reverse. Transports open last and close first: nothing comes in half-way. */
export const LIFECYCLE_PHASES = ['store', 'anchor', 'batcher', 'transport'] as const;
export type LifecyclePhase = (typeof LIFECYCLE_PHASES)[number];

export interface LifecycleStep {
  /** For messages and errors: `transport mqtt`. */
  readonly name: string;
  readonly phase: LifecyclePhase;
  /** Rejects when it cannot work. `signal` aborts when its time is over. */
  start?(signal: AbortSignal): Promise<void>;
  /** Drains and closes. Must be safe after a start that failed half-way. */
  stop?(signal: AbortSignal): Promise<void>;
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
}

/** Calls `fire` once after `ms` unless the returned function is called first. */
export type Timer = (ms: number, fire: () => void) => () => void;

/** Long enough for a first start that migrates a database or waits for a node's handshake. */
const DEFAULT_START_TIMEOUT_MS = 60_000;
/** Shorter than the 30 s after which container platforms kill a process that was asked to end. */
const DEFAULT_STOP_TIMEOUT_MS = 10_000;

export class LifecycleError extends Error {
  override readonly name = 'LifecycleError';

  constructor(
    readonly code: 'start_failed' | 'start_timeout' | 'stop_failed' | 'stop_timeout',
    readonly step: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Several steps went wrong; the first of `errors` is the one that began it. */
export class LifecycleErrors extends AggregateError {
  override readonly name = 'LifecycleErrors';
  override readonly errors: LifecycleError[];

  constructor(errors: readonly LifecycleError[]) {
    super(errors, errors.map(({ message }) => message).join('\n'));
    this.errors = [...errors];
  }
}

/** Starts named steps phase by phase (in a phase: in the order added) and stops them in exact reverse. */
export class Lifecycle {
  readonly #steps: LifecycleStep[] = [];
  readonly #timer: Timer;
  /** Steps whose start was begun, in that order: those a stop has to visit. */
  readonly #begun: LifecycleStep[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #failedEarly: LifecycleError[] = [];

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  add(step: LifecycleStep): this {
    if (this.#starting) {
      throw new Error(`Step "${step.name}" was added after start; add every step before.`);
    }
    this.#steps.push(step);
    return this;
  }

  /** Names in the order they start. */
  order(): readonly string[] {
    return this.#ordered().map(({ name }) => name);
  }

  /**
   * Starts all steps. When one fails or takes too long, those begun are stopped again and the promise
   * rejects with `LifecycleErrors`, the cause first. A second call is the same start.
   */
  start(): Promise<void> {
    this.#starting ??= this.#startAll();
    return this.#starting;
  }

  /**
   * Stops what was begun, in reverse, each step whatever became of the others; a start under way ends
   * behind its current step first. Rejects with every error together. A second call is the same stop.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  /**
   * Stops only what was begun in `phase` and behind it, for a host whose own server closes in between. What fails is
   * told by `stop`, which does the rest.
   */
  async stopBackTo(phase: LifecyclePhase): Promise<void> {
    await this.#starting?.catch(() => undefined);
    const first = LIFECYCLE_PHASES.indexOf(phase);
    const behind = ({ phase: at }: LifecycleStep): boolean => LIFECYCLE_PHASES.indexOf(at) >= first;
    this.#failedEarly.push(...(await this.#stopBegun(behind)));
  }

  async #startAll(): Promise<void> {
    for (const step of this.#ordered()) {
      if (this.#stopping) return;
      this.#begun.push(step);
      const failure = await this.#run('start', step);
      if (failure) throw new LifecycleErrors([failure, ...(await this.#stopBegun())]);
    }
  }

  async #stopAll(): Promise<void> {
    // A start that fails has already undone itself; its error belongs to whoever called start.
    await this.#starting?.catch(() => undefined);
    const errors = [...this.#failedEarly, ...(await this.#stopBegun())];
    if (errors.length > 0) throw new LifecycleErrors(errors);
  }

  async #stopBegun(
    wanted: (step: LifecycleStep) => boolean = () => true,
  ): Promise<LifecycleError[]> {
    const errors: LifecycleError[] = [];
    for (let step = this.#begun.at(-1); step && wanted(step); step = this.#begun.at(-1)) {
      this.#begun.pop();
      const failure = await this.#run('stop', step);
      if (failure) errors.push(failure);
    }
    return errors;
  }

  async #run(action: 'start' | 'stop', step: LifecycleStep): Promise<LifecycleError | undefined> {
    const work = step[action];
    if (!work) return undefined;
    const timeoutMs =
      action === 'start'
        ? (step.startTimeoutMs ?? DEFAULT_START_TIMEOUT_MS)
        : (step.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS);
    const aborter = new AbortController();
    let cancel = (): void => undefined;
    const timeout = new Promise<LifecycleError>((resolve) => {
      cancel = this.#timer(timeoutMs, () => {
        const message = `${step.name} did not ${action} within ${timeoutMs} ms.`;
        resolve(new LifecycleError(`${action}_timeout`, step.name, message));
        aborter.abort();
      });
    });
    const done = (async () => {
      await work.call(step, aborter.signal);
      return undefined;
    })().catch(
      (cause: unknown) =>
        new LifecycleError(
          `${action}_failed`,
          step.name,
          `${step.name} failed to ${action}: ${cause instanceof Error ? cause.message : String(cause)}`,
          { cause },
        ),
    );
    const outcome = await Promise.race([done, timeout]);
    cancel();
    return outcome;
  }

  #ordered(): LifecycleStep[] {
    return LIFECYCLE_PHASES.flatMap((phase) => this.#steps.filter((step) => step.phase === phase));
  }
}
