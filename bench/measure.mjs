/** Runs `work` `rounds` times after one warm-up; resolves to the median wall time in ms and the last result. */
export async function medianMs(work, rounds = 5) {
  await work();
  const times = [];
  let result;
  for (let round = 0; round < rounds; round += 1) {
    const start = process.hrtime.bigint();
    result = await work();
    times.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  times.sort((a, b) => a - b);
  return { ms: times[Math.floor(times.length / 2)], minMs: times[0], maxMs: times.at(-1), result };
}

/** Quantile of sorted or unsorted numbers. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export const round = (value, digits = 2) => Number(value.toFixed(digits));
