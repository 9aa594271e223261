/** Every way a command is refused, with the HTTP status that goes with it. */
export const COMMAND_ERRORS = {
  command_invalid: 400,
  command_not_found: 404,
  meter_not_found: 404,
  meter_not_active: 409,
  command_conflict: 409,
  commands_unavailable: 409,
  commands_full: 429,
  nothing_missing: 409,
  key_not_found: 404,
  throttled: 429,
} as const;
export type CommandErrorCode = keyof typeof COMMAND_ERRORS;

/** Why a device is not asked. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly status: number;

  constructor(
    readonly code: CommandErrorCode,
    message: string,
  ) {
    super(message);
    this.status = COMMAND_ERRORS[code];
  }
}
