import type { Notice } from './notice.store.js';

/** What is left of a notice when the entry it speaks of was erased. `number` tells apart what is alike now. */
export function forgottenNotice(
  entryId: string,
  number: string,
): Pick<Notice, 'text' | 'data'> & {
  readonly topic: string;
} {
  return {
    text: 'The entry that this notice was about has been erased.',
    data: { entry: entryId, erased: true },
    // Its topic names the meter.
    topic: `erased ${number}`,
  };
}
