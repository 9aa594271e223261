import { expect, it } from '@jest/globals';
import {
  CursorInvalid,
  numberCursor,
  readNumberCursor,
  readTextCursor,
  textCursor,
} from '../../src/stores/list-cursor.js';

it('a cursor is read back as it was given out', () => {
  expect(readNumberCursor(numberCursor((1n << 63n) - 1n))).toBe((1n << 63n) - 1n);
  expect(readTextCursor(textCursor('mètre "1"'))).toBe('mètre "1"');
});

it.each(['n9223372036854775808', 'n9999999999999999999', 'n-1', 'n', 't', '', 'n1 '])(
  'a number the database cannot hold is no cursor: %s',
  (cursor) => {
    expect(() => readNumberCursor(cursor)).toThrow(CursorInvalid);
  },
);

it.each([textCursor('\u0000'), textCursor('a\u0000b'), 'n1', 'tä', 't='])(
  'a text the database cannot hold is no cursor: %s',
  (cursor) => {
    expect(() => readTextCursor(cursor)).toThrow(CursorInvalid);
  },
);
