/** What OpenAPI says of a route beyond its line in the route table. */
export interface OperationShape {
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: {
    readonly types: readonly string[];
    readonly schema: object;
  };
  /** Status → what it means; the problem document is added to every route. */
  readonly answers: Readonly<Record<number, string>>;
  readonly produces?: string;
}

/** Query parameters of every list. */
export const page = {
  limit: 'Entries in one answer, at most 1000; 100 when left out.',
  cursor: 'From the `Link` header of the page before.',
} as const;
