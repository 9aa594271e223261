/** What durations are measured by: it only goes on, whatever the time of day is set to. Where it began says nothing. */
export interface MonotonicClock {
  monotonicMs(): number;
}
