/** One parameter of a set-based statement: the same field of every item. */
export function column<T, V>(items: readonly T[], value: (item: T) => V): V[] {
  return items.map(value);
}
