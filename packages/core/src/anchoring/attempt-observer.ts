import type { AnchorError, Attempt, Observation } from '../spi/index.js';
import { CallOverdue } from './answer-in-time.js';
import type { StoredIntent } from './anchor.store.js';
import type { LedgerAnswer } from './ledger-call.js';

/** By intent: what the ledger shows of its attempts, or why that could not be had. Who was not asked about is in neither. */
export interface Observed {
  readonly shown: ReadonlyMap<string, readonly Observation[]>;
  readonly failed: ReadonlyMap<string, AnchorError>;
}

export type AskObserve = (
  attempts: readonly Attempt[],
) => Promise<LedgerAnswer<readonly Observation[]>>;

/** When as many have failed and none was answered, it is the ledger that fails and not an attempt. */
const FAILURES_OF_A_LEDGER = 3;
/** Calls without an answer that one pass waits for when it asks about intents one by one. */
const MAX_OVERDUE = 2;

interface Found {
  readonly shown: Map<string, readonly Observation[]>;
  readonly failed: Map<string, AnchorError>;
}

/**
 * Asks one ledger about the attempts of many intents: all in one question, and one by one when that fails, so that an
 * intent whose attempts cannot be observed holds up no other. What is remembered only decides who is asked about when:
 * a process that forgets it finds it again.
 */
export class AttemptObserver {
  /** Failed while others were answered: asked about alone, when their pause is over, in this order. */
  readonly #alone = new Set<string>();
  /** Failed when nothing was answered: next time the others are asked about first. */
  readonly #suspects = new Set<string>();

  async observe(
    intents: readonly StoredIntent[],
    nowMs: number,
    ask: AskObserve,
  ): Promise<Observed> {
    const found: Found = { shown: new Map(), failed: new Map() };
    const together: StoredIntent[] = [];
    const alone: StoredIntent[] = [];
    for (const intent of intents) {
      if (intent.attempts.length === 0) found.shown.set(intent.id, []);
      else if (!this.#alone.has(intent.id)) together.push(intent);
      else if ((intent.retryAtMs ?? 0) <= nowMs) alone.push(intent);
    }
    const error = await askAbout(together, ask, found);
    if (error && together.length === 1) found.failed.set(together[0]?.id ?? '', error);
    else if (error) await this.#oneByOne(together, ask, found, error);
    await this.#nextAlone(alone, ask, found);
    return found;
  }

  async #oneByOne(
    intents: readonly StoredIntent[],
    ask: AskObserve,
    found: Found,
    ofAll: AnchorError,
  ): Promise<void> {
    const isSuspect = ({ id }: StoredIntent): boolean => this.#suspects.has(id);
    const inTurn = [...intents.filter((one) => !isSuspect(one)), ...intents.filter(isSuspect)];
    const { failed } = found;
    let answered = false;
    let overdue = 0;
    for (const intent of inTurn) {
      if (overdue >= MAX_OVERDUE || (!answered && failed.size >= FAILURES_OF_A_LEDGER)) break;
      const error = await askAbout([intent], ask, found);
      if (error) failed.set(intent.id, error);
      else answered = true;
      if (error instanceof CallOverdue) overdue += 1;
    }
    for (const id of failed.keys()) (answered ? this.#alone : this.#suspects).add(id);
    if (answered || intents.every(isSuspect)) this.#suspects.clear();
    if (!answered) for (const { id } of intents) if (!failed.has(id)) failed.set(id, ofAll);
  }

  async #nextAlone(due: readonly StoredIntent[], ask: AskObserve, found: Found): Promise<void> {
    const [id] = [...this.#alone].filter((one) => due.some((intent) => intent.id === one));
    const intent = due.find((one) => one.id === id);
    if (!intent) return;
    const error = await askAbout([intent], ask, found);
    this.#alone.delete(intent.id);
    if (!error) return;
    this.#alone.add(intent.id);
    found.failed.set(intent.id, error);
  }
}

/** One question about all of them. Its error, when it had no answer. */
async function askAbout(
  intents: readonly StoredIntent[],
  ask: AskObserve,
  { shown }: Found,
): Promise<AnchorError | undefined> {
  if (intents.length === 0) return undefined;
  const answer = await ask(intents.flatMap(({ attempts }) => attempts));
  if (!answer.ok) return answer.error;
  let at = 0;
  for (const { id, attempts } of intents) {
    shown.set(id, answer.value.slice(at, at + attempts.length));
    at += attempts.length;
  }
  return undefined;
}
