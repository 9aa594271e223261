/** `live`: restarting would not help. `ready`: it can do its work now. */
export interface Health {
  readonly live: boolean;
  readonly ready: boolean;
  readonly detail?: string;
  /** Facts for a person and for metrics: head height, balance, queue length. */
  readonly facts?: Readonly<Record<string, string | number>>;
}
