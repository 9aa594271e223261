import { AnchorError, isAnchorError } from '@wattproof/core/spi';

/** One voice about the chain. */
export interface Voice<Node> {
  readonly name: string;
  readonly node: Node;
}

type Answer<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Several nodes of one chain. What is only read is asked of one, and of the next when that one cannot say. What decides about
 * money is asked of all: one that lies, is stuck or sits on a stale branch is outvoted; while fewer than `agree` say the same,
 * nothing is taken for included.
 */
export class NodeQuorum<Node> {
  /** Asked first: the one that answered last. */
  #first = 0;

  constructor(
    private readonly voices: readonly Voice<Node>[],
    readonly agree: number,
  ) {}

  async inTurn<T>(ask: (node: Node) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let left = this.voices.length; ; left -= 1)
      try {
        return await ask(this.voices[this.#first]!.node);
      } catch (error) {
        if (!isAnchorError(error) || error.reason !== 'unavailable' || signal.aborted) throw error;
        this.turn();
        if (left === 1) throw error;
      }
  }

  /** Others are asked first from now on: what this one said cannot be true. */
  turn(): void {
    this.#first = (this.#first + 1) % this.voices.length;
  }

  /** Answers of at least `agree` nodes that are alike by `key`. */
  async alike<T>(
    what: string,
    ask: (node: Node) => Promise<T>,
    key: (answer: T) => string,
  ): Promise<readonly [T, ...T[]]> {
    const answers = await this.all(ask);
    const said = answers.map((answer) => ('value' in answer ? key(answer.value) : undefined));
    const votes = (one: string | undefined): number => said.filter((two) => two === one).length;
    const winner = said.find((one) => one !== undefined && votes(one) >= this.agree);
    if (winner === undefined) throw this.#undecided(what, answers, said);
    const alike = answers.flatMap((answer, i) =>
      'value' in answer && said[i] === winner ? [answer.value] : [],
    );
    return alike as [T, ...T[]];
  }

  /** The highest number that `agree` nodes reach. */
  async reached(what: string, ask: (node: Node) => Promise<number>): Promise<number> {
    const answers = await this.all(ask);
    const values = answers.flatMap((answer) => ('value' in answer ? [answer.value] : []));
    const reached = values.toSorted((a, b) => b - a)[this.agree - 1];
    const said = answers.map((answer) => ('value' in answer ? String(answer.value) : undefined));
    if (reached === undefined) throw this.#undecided(what, answers, said);
    return reached;
  }

  all<T>(ask: (node: Node) => Promise<T>): Promise<readonly Answer<T>[]> {
    return Promise.all(
      this.voices.map(async ({ node }) => {
        try {
          return { value: await ask(node) };
        } catch (error) {
          return { error };
        }
      }),
    );
  }

  #undecided(
    what: string,
    answers: readonly Answer<unknown>[],
    said: readonly (string | undefined)[],
  ): AnchorError {
    const lines = this.voices.map(({ name }, i) => `${name}: ${said[i] ?? 'no answer'}`);
    const failed = answers.find((answer) => 'error' in answer);
    return new AnchorError(
      'unavailable',
      `No ${this.agree} of ${this.voices.length} nodes say the same of ${what}. ${lines.join('; ')}.`,
      failed === undefined ? undefined : { cause: failed.error },
    );
  }
}
