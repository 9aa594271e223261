import type { Journaled } from '../logs/journal.js';

/** For tests that prepare a store: a change of which the log says nothing. */
export const unjournaled: Journaled = {
  rows: [],
  issue() {
    throw new Error('there is no entry to issue a receipt for');
  },
};
