/** Values of an object's members, at the index of their names in a schema; absent ones are undefined. */
export class Members {
  constructor(readonly values: readonly unknown[]) {}
}

/**
 * The member names of a schema (at most 31), arranged so that a reader finds the index of one without
 * cutting it out of the text. `nested` holds the names of members that are objects themselves.
 */
export class MemberNames {
  private readonly byFirstUnit: readonly (
    | readonly { readonly index: number; readonly units: Uint16Array }[]
    | undefined
  )[];

  /** One undefined value for every name, to be copied. */
  readonly blank: readonly unknown[];

  constructor(
    readonly names: readonly string[],
    readonly nested: Readonly<Record<string, MemberNames>> = {},
  ) {
    this.blank = names.map(() => undefined);
    const all = names.map((name, index) => ({
      index,
      units: Uint16Array.from(name, (char) => char.charCodeAt(0)),
    }));
    this.byFirstUnit = Array.from({ length: 128 }, (_, first) => {
      const same = all.filter(({ units }) => units[0] === first);
      return same.length === 0 ? undefined : same;
    });
  }

  /** Index of the name that stands at `start` and ends with a quote; −1 for any other. */
  indexAt(text: Uint16Array, start: number): number {
    const candidates = this.byFirstUnit[text[start]!];
    if (candidates === undefined) return -1;
    for (const { index, units } of candidates) {
      let i = 1;
      while (i < units.length && text[start + i] === units[i]) i += 1;
      if (i === units.length && text[start + i] === 34) return index;
    }
    return -1;
  }
}
