import { PayloadError } from './payload-error.js';

/** Optional members of `reading/1`, as decimal strings. */
type Telemetry = Readonly<
  Partial<
    Record<
      'battery_level_pct' | 'temperature_c' | 'voltage_v' | 'current_a' | 'power_kw',
      string | undefined
    >
  >
>;

/** The envelope of an unsigned `reading/1` over what was consumed, at one instant. */
export function pointReading(point: {
  readonly site: string;
  readonly device: string;
  readonly meter: string;
  /** ms since 1970; refused when it is missing. */
  readonly atMs: number | undefined;
  readonly importKwh: string | undefined;
  readonly telemetry: Telemetry;
}): string {
  const { site, device, meter, atMs, importKwh, telemetry } = point;
  if (atMs === undefined)
    throw new PayloadError('timestamp_missing', 'A reading needs the time it was taken at.');
  if (importKwh === undefined)
    throw new PayloadError('energy_missing', 'A reading needs its energy in kWh.');
  const at = new Date(atMs).toISOString();
  // Absent members must be absent: `reading/1` is a closed schema, and undefined is left out here.
  const document = { v: 'reading/1', site, device, meter, start: at, end: at };
  return JSON.stringify({
    format: 'reading/1',
    document: { ...document, import_kwh: importKwh, ...telemetry },
  });
}
