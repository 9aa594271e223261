import { hostileAuthentication } from './hostile-authentication.js';
import { hostileDocuments } from './hostile-documents.js';
import { hostileEnvelopes } from './hostile-envelopes.js';
import { hostileMessages } from './hostile-messages.js';
import { hostileReplays } from './hostile-replays.js';
import type { HostileBody } from './hostile-scene.js';

export { HOSTILE_NOW_MS, hostileMeters, type HostileBody } from './hostile-scene.js';

/** Every hostile body, under the default configuration. Built when first read: signing takes a moment. */
export function hostileBodies(): readonly HostileBody[] {
  return [
    ...hostileMessages(),
    ...hostileEnvelopes(),
    ...hostileDocuments(),
    ...hostileAuthentication(),
    ...hostileReplays(),
  ];
}
