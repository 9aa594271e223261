import { FormatError } from '../formats/format.js';

/** Text that is not the strict JSON read here. `offset` counts UTF-16 units from the start of the text. */
export class JsonError extends FormatError {
  constructor(
    code:
      | 'json_syntax'
      | 'json_trailing_data'
      | 'json_control_character'
      | 'json_bad_escape'
      | 'json_lone_surrogate'
      | 'json_duplicate_key'
      | 'json_number_precision'
      | 'json_number_overflow'
      | 'json_too_deep'
      | 'json_bom'
      | 'json_utf8'
      | 'json_not_serialisable',
    message: string,
    readonly offset?: number,
  ) {
    super(code, offset === undefined ? message : `${message} at character ${offset}`);
  }
}
