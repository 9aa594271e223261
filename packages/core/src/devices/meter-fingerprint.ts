import { hash } from 'node:crypto';

/** What is printed on the meter; together it names one physical thing. */
export interface MeterNameplate {
  readonly vendor: string;
  readonly model: string;
  readonly serial: string;
}

function digest(text: string): Uint8Array {
  return hash('sha256', Buffer.from(text, 'utf8'), 'buffer');
}

/** SHA-256(vendor | model | serial), 32 bytes: the same physical meter under any id. */
export function fingerprintOfNameplate({ vendor, model, serial }: MeterNameplate): Uint8Array {
  return digest(`${vendor}|${model}|${serial}`);
}

/** Stands in when no nameplate is known, and for meters nobody registered. Tagged, so that no nameplate meets it. */
export function fingerprintOfMeterId(meterId: string): Uint8Array {
  return digest(`wattproof/meter-id/v1\n${meterId}`);
}
