/** RFC 3339 in UTC with milliseconds; null for what has not happened. */
export function instant(ms: number): string;
export function instant(ms: number | undefined): string | null;
export function instant(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
