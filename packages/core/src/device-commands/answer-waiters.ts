/** Who waits for an answer in this process, by command. */
export class AnswerWaiters {
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(
    /** Calls `fire` once after `ms`, unless the returned function is called before. */
    private readonly timer: (ms: number, fire: () => void) => () => void,
  ) {}

  /** Resolves when the command is told to have an answer, at the latest after `withinMs`. `cancel` ends it. */
  next(
    id: string,
    withinMs: number,
  ): { readonly woken: Promise<void>; readonly cancel: () => void } {
    let fire = (): void => undefined;
    const woken = new Promise<void>((resolve) => {
      fire = resolve;
    });
    const cancelTimer = this.timer(withinMs, fire);
    const own = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, own.add(fire));
    return {
      woken,
      cancel: () => {
        cancelTimer();
        own.delete(fire);
        if (own.size === 0 && this.waiting.get(id) === own) this.waiting.delete(id);
      },
    };
  }

  wake(id: string): void {
    for (const fire of this.waiting.get(id) ?? []) fire();
  }

  wakeAll(): void {
    for (const id of this.waiting.keys()) this.wake(id);
  }
}
