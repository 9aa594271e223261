import { defaultDetectors } from '../detectors/open-detectors.js';
import { shareOf } from '../simulator/index.js';
import { type DetectorTable, detectorTable, type TableCell, TOWNS } from './detector-table.js';

export const DETECTORS_USAGE = `usage: wattproof detectors [options]
  Runs a labelled simulated fleet past the detectors of core and prints what they find: recall and false flags.
  --meters N       simulated meters, half of them with panels (default 200)
  --towns N        towns they stand in, 1 to 5: neighbours are of the same (default 5)
  --days N         days simulated (default 60)
  --from N         day on which cheating begins (default 40)
  --cheaters P%    share of the fleet that cheats, every way in turn (default 20%)
  --interval S     length of one reading in seconds (default 3600)
  --seed N         same seed, same table (default 1)
  --json           prints the counts instead
exit 0 done, 2 not usable as called`;

const DAY_S = 86_400;

/** Runs `wattproof detectors` with the arguments after the word and says the exit code. */
export async function runDetectors(
  args: readonly string[],
  out: (line: string) => void,
  err: (line: string) => void,
): Promise<number> {
  let asked: ReturnType<typeof readArguments>;
  try {
    asked = readArguments(args);
  } catch (error) {
    err((error as Error).message);
    err(DETECTORS_USAGE);
    return 2;
  }
  const { json, ...options } = asked;
  const table = await detectorTable({ ...options, detectors: await defaultDetectors() });
  if (json) out(JSON.stringify(asObject(table), undefined, 2));
  else for (const line of describe(table)) out(line);
  return 0;
}

function asObject(table: DetectorTable): object {
  return Object.fromEntries(
    [...table].map(([id, cells]) => [id, Object.fromEntries(cells)] as const),
  );
}

function describe(table: DetectorTable): string[] {
  const rows = [...table];
  const kinds = [...(rows[0]?.[1].keys() ?? [])];
  const grid = (title: string, cellOf: (cell: TableCell) => string): string[] => {
    const lines = [
      [title, ...kinds],
      ...rows.map(([id, cells]) => [
        id,
        ...kinds.map((kind) => {
          const cell = cells.get(kind);
          return cell === undefined ? '' : cellOf(cell);
        }),
      ]),
    ];
    const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
    return lines.map((line) =>
      line
        .map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    );
  };
  const percent = (part: number, all: number): string =>
    all === 0 ? '-' : `${((100 * part) / all).toFixed(2)}%`;
  const honestMonths = (rows[0]?.[1].get('honest')?.meterDays ?? 0) / 30;
  const held = rows.reduce((sum, [, cells]) => sum + (cells.get('honest')?.readingsHeld ?? 0), 0);
  return [
    ...grid('meters found', ({ metersFound, meters }) => `${metersFound}/${meters}`),
    '',
    ...grid('meter days flagged', (cell) => percent(cell.meterDaysFound, cell.meterDays)),
    '',
    ...grid('readings flagged', (cell) => percent(cell.readingsFound, cell.readings)),
    '',
    `honest readings held: ${held} in ${honestMonths.toFixed(0)} meter-months`,
  ];
}

function readArguments(args: readonly string[]) {
  const values = new Map<string, string>();
  let json = false;
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === '--json') {
      json = true;
      continue;
    }
    const [, name = '', inline] = /^--([a-z]+)(?:=(.*))?$/.exec(args[i] as string) ?? [];
    if (!['meters', 'towns', 'days', 'from', 'cheaters', 'interval', 'seed'].includes(name))
      throw new Error(`unknown option ${args[i]}`);
    const value = inline ?? args[(i += 1)];
    if (value === undefined) throw new Error(`--${name} needs a value`);
    values.set(name, value);
  }
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const text = values.get(name);
    const value = text === undefined ? fallback : Number(text);
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw new Error(`--${name} is a whole number from ${min} to ${max}, got ${text}`);
  };
  const days = integer('days', 60, 2, 400);
  const intervalS = integer('interval', 3600, 60, DAY_S);
  if (DAY_S % intervalS !== 0) throw new Error(`--interval divides a day, got ${intervalS}`);
  return {
    meters: integer('meters', 200, 2, 2_000),
    towns: integer('towns', TOWNS.length, 1, TOWNS.length),
    days,
    fromDay: integer('from', Math.min(40, days - 1), 0, days - 1),
    share: shareOf(values.get('cheaters') ?? '20%'),
    intervalMs: intervalS * 1000,
    seed: integer('seed', 1, 0, 0xffff_ffff),
    json,
  };
}
