const ENTRY_ID = /^log_[0-9a-f]{32}$/;

/** The uuid column's text of `log_<32 hex digits>`, or undefined when it is no entry's id. */
export function uuidOf(entryId: string): string | undefined {
  return ENTRY_ID.test(entryId) ? entryId.slice(4) : undefined;
}

/** The same for an id that is one. */
export function hexOf(entryId: string): string {
  return entryId.slice(4);
}

export function entryIdOf(uuid: string): string {
  return `log_${uuid.replaceAll('-', '')}`;
}
