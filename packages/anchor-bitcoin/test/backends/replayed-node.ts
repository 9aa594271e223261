/** What a node answered to one request. */
export interface Answered {
  /** The method of JSON-RPC, or the path with its hashes and numbers left out. */
  readonly name: string;
  readonly status: number;
  readonly text: string;
}

type Change = (answer: Answered) => { readonly status?: number; readonly text: string } | undefined;

/** Stands in for `fetch`: remembers what nodes answer, and answers it again without them, changed by `change`. */
export class ReplayedNode {
  readonly #known = new Map<string, Answered>();
  readonly #real = globalThis.fetch;
  /** Undefined leaves an answer as it was. */
  change: Change = () => undefined;
  /** Names of what was asked since it was last emptied. */
  asked = new Set<string>();

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const { name, key } = requestOf(String(input), init);
    this.asked.add(name);
    let answer = this.#known.get(key);
    if (!answer) {
      const response = await this.#real(input, init);
      answer = { name, status: response.status, text: await response.text() };
      this.#known.set(key, answer);
    }
    const { status = answer.status, text } = this.change(answer) ?? answer;
    return new Response(text, { status });
  };

  /** One of the honest answers to requests of this name. */
  honest(name: string): Answered {
    return [...this.#known.values()].find((answer) => answer.name === name)!;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    globalThis.fetch = this.fetch;
    try {
      return await work();
    } finally {
      globalThis.fetch = this.#real;
    }
  }
}

function requestOf(url: string, init: RequestInit | undefined): { name: string; key: string } {
  const body = typeof init?.body === 'string' ? init.body : '';
  if (!body.startsWith('{'))
    return {
      name: new URL(url).pathname.replaceAll(/[0-9a-f]{64}|\b\d+\b|bcrt1\w+/g, '*'),
      key: `${url} ${body}`,
    };
  const { method, params } = JSON.parse(body) as { method: string; params: unknown[] };
  return { name: method, key: `${url} ${method} ${JSON.stringify(params)}` };
}

const WRONG = [null, -1, 1e300, 'zz', [], {}, [null]];
const WRONG_WITHIN = [null, -1, 'zz'];

/** Values of other shapes: something else altogether, and each member or item lost or of another kind. */
export function* misshapen(value: unknown, wrong: readonly unknown[] = WRONG): Generator {
  yield* wrong;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, member] of Object.entries(value).slice(0, 4)) {
    const rest = Object.entries(value).filter(([other]) => other !== key);
    for (const other of misshapen(member, WRONG_WITHIN))
      yield Array.isArray(value)
        ? value.toSpliced(Number(key), 1, other)
        : Object.fromEntries([...rest, [key, other]]);
    if (!Array.isArray(value)) yield Object.fromEntries(rest);
  }
}
