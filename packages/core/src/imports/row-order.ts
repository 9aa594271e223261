import { RowRefusal } from './import-error.js';
import type { Row } from './read-rows.js';
import type { RowInstants } from './row-time.js';

type Instants = (row: Row) => RowInstants | RowRefusal;

/**
 * Rows in the order of time, those without one first. Rows that come newest first are turned round and only others sorted: in an hour
 * that comes twice nothing but their order tells which is which.
 */
export function inOrderOfTime(rows: readonly Row[], instantsOf: Instants): readonly Row[] {
  const timeless: Row[] = [];
  const timed: { readonly row: Row; readonly instants: RowInstants }[] = [];
  for (const row of rows) {
    const instants = instantsOf(row);
    if (instants instanceof RowRefusal) timeless.push(row);
    else timed.push({ row, instants });
  }
  const isInOrder = (some: typeof timed): boolean => {
    let beforeMs = -Infinity;
    return some.every(({ instants: [earlier, later = earlier] }) => {
      const isAfter = later >= beforeMs;
      beforeMs = earlier >= beforeMs ? earlier : later;
      return isAfter;
    });
  };
  const ordered = isInOrder(timed)
    ? timed
    : isInOrder(timed.toReversed())
      ? timed.toReversed()
      : timed.toSorted((a, b) => a.instants[0] - b.instants[0]);
  return [...timeless, ...ordered.map(({ row }) => row)];
}
