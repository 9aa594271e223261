import type { ImportMappingInput } from './mapping.js';

const HALF_HOUR_S = 1800;
const HOUR_S = 3600;
const MINUTE_S = 60;

/**
 * Layouts of published files. A preset knows columns, times and units; the ids of site, device and meter stay the user's
 * (`?site=…&meter=…`, `--site`, `--meter`), or are the household of the file.
 */
export const IMPORT_PRESETS = {
  /** Open Power System Data, household data: cumulative registers in kWh; https://doi.org/10.25832/household_data/2020-04-15 */
  'opsd-household': {
    format: 'csv',
    time: { columns: ['utc_timestamp'] },
    intervalS: HOUR_S,
    meters: [
      {
        id: 'DE_KN_residential4',
        site: 'DE_KN_residential4',
        registers: (['import', 'export', 'generation'] as const).map((name) => {
          const column = `DE_KN_residential4_${{ import: 'grid_import', export: 'grid_export', generation: 'pv' }[name]}`;
          return {
            column,
            field: `${name}_kwh` as const,
            kind: 'register' as const,
            unit: 'kWh' as const,
            estimated: { column: 'interpolated_values', contains: column },
          };
        }),
      },
    ],
  },
  /** Low Carbon London, SmartMeter Energy Consumption Data: kWh per half hour, stamped at its end, in UTC. */
  'london-low-carbon': {
    format: 'csv',
    time: { columns: ['DateTime'], form: 'yyyy-MM-dd HH:mm:ss.f' },
    intervalS: HALF_HOUR_S,
    missing: ['', 'Null', 'NULL'],
    meters: [
      {
        idColumn: 'LCLid',
        site: 'london',
        registers: [
          { column: 'KWH/hh (per half hour) ', field: 'import_kwh', kind: 'interval', unit: 'kWh' },
        ],
      },
    ],
  },
  /**
   * UCI, Individual Household Electric Power Consumption: mean kW over a minute. Its 2,075,259 rows from 16/12/2006 17:24 to
   * 26/11/2010 21:02 are every minute in between, so its clock was never changed: winter time of Sceaux.
   */
  'uci-household-power': {
    format: 'csv',
    delimiter: ';',
    time: {
      columns: ['Date', 'Time'],
      form: 'dd/MM/yyyy HH:mm:ss',
      zone: 'Etc/GMT-1',
      stamps: 'start',
    },
    intervalS: MINUTE_S,
    missing: ['', '?'],
    meters: [
      {
        id: 'uci-household',
        site: 'sceaux',
        registers: [
          { column: 'Global_active_power', field: 'import_kwh', kind: 'mean-power', unit: 'kW' },
        ],
      },
    ],
  },
} as const satisfies Readonly<Record<string, ImportMappingInput>>;

export type ImportPreset = keyof typeof IMPORT_PRESETS;
