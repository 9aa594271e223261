import { z } from 'zod';

/** Where a server answers. Credentials in a URL end up in messages, and fetch refuses them: they have members of their own. */
export const httpUrl = z
  .url()
  .regex(
    /^https?:\/\/[^/?#@]+([/?#]|$)/i,
    'An http or https URL without user and password; where the server asks for them, they have members of their own.',
  );
