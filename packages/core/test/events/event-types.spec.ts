import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { EVENT_TYPES } from '../../src/events/event-types.js';

describe('docs/events.md', () => {
  it('lists every type of event with what it says, and no other', async () => {
    const page = await readFile(new URL('../../../../docs/events.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([a-z-]+\.[a-z_]+)` \| ([^|]+) \|/gm)].map(
      ([, type, says]) => [type, says],
    );
    expect(Object.fromEntries(listed)).toEqual(EVENT_TYPES);
    expect(listed).toHaveLength(Object.keys(EVENT_TYPES).length);
  });
});
