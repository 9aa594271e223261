import type { SqlValue } from './sql.js';

/** The filter of a list: a condition for each parameter that was given, none for those that were not. */
export class ListConditions {
  readonly params: SqlValue[];
  private readonly conditions: string[] = [];

  /** `params`: those the statement has already. */
  constructor(params: readonly SqlValue[]) {
    this.params = [...params];
  }

  /** `condition` stands before its parameter: `e.type =`; `behind` after it. */
  where(condition: string, value: SqlValue | undefined, behind = ''): void {
    if (value === undefined) return;
    this.params.push(value);
    this.conditions.push(`${condition} $${this.params.length}${behind}`);
  }

  /** A condition that takes no parameter. */
  and(condition: string): void {
    this.conditions.push(condition);
  }

  /** `WHERE …`, or nothing. */
  get filter(): string {
    return this.conditions.length === 0 ? '' : `WHERE ${this.conditions.join(' AND ')}`;
  }

  /** `AND …`, or nothing, behind a statement's own conditions. */
  get further(): string {
    return this.conditions.map((one) => `AND ${one}`).join(' ');
  }
}
