import type { DeviceCommand, JsonValue } from '@wattproof/core/spi';
import type { CommandShape } from './command-shapes.js';
import { PayloadError } from './payload-error.js';

/** The bytes of a request to a device, as JSON. Throws `PayloadError` when the body lacks what the shape needs. */
export function commandPayload(command: DeviceCommand, shape: CommandShape): string {
  switch (shape) {
    case 'command':
      return JSON.stringify({
        id: command.id,
        nonce: command.nonce,
        device: command.device,
        name: command.name,
        deadline: new Date(command.deadlineMs).toISOString(),
        body: command.body,
      });
    case 'los-tecnicos-lock': {
      const order = JSON.stringify(orderOf(command));
      return `{"order_id": ${order}, "kwh_requested": ${sixDecimals(command.body['kwh_requested'] ?? command.body['kwh'])}}`;
    }
    case 'los-tecnicos-unlock':
      return `{"order_id": ${JSON.stringify(orderOf(command))}}`;
  }
}

/** What the firmware calls the request: the order in its body, else the command's own id. */
export function orderOf({ body, id }: Pick<DeviceCommand, 'body' | 'id'>): string {
  const order = body['order_id'];
  return typeof order === 'string' && order !== '' ? order : id;
}

/** C's and Go's `%f`. Numbers are rounded as doubles, as the system's own backend does. */
function sixDecimals(value: JsonValue | undefined): string {
  const number = typeof value === 'string' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0)
    throw new PayloadError('energy_missing', 'A lock needs "kwh_requested", a number of kWh.');
  return exactFixed(number, 6);
}

/** `toFixed` without its limit of 10²¹, and with exact ties to even as C has them. */
function exactFixed(value: number, decimals: number): string {
  // A double is an integer × 2^exponent: exact in integers.
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const stored = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const mantissa = stored === 0 ? fraction : fraction | (1n << 52n);
  const exponent = (stored === 0 ? 1 : stored) - 1_075;
  const scaled = mantissa * 10n ** BigInt(decimals);
  let units = exponent >= 0 ? scaled << BigInt(exponent) : scaled >> BigInt(-exponent);
  if (exponent < 0) {
    const rest = scaled - (units << BigInt(-exponent));
    const half = 1n << BigInt(-exponent - 1);
    if (rest > half || (rest === half && (units & 1n) === 1n)) units += 1n;
  }
  const text = String(units).padStart(decimals + 1, '0');
  return `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
}
