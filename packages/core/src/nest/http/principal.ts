import type { Principal } from '../../accounts/access.js';
import { seesEveryAccount } from '../../accounts/access.js';
import { Problem } from './problem.js';

export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

const CALLER = Symbol('wattproof.caller');

/** Remembers on the request who the guard let in. */
export function setCaller(request: object, principal: Principal): void {
  Object.assign(request, { [CALLER]: principal });
}

/** Who asks; undefined when the route let somebody in without a key. */
export function callerOf(request: object): Principal | undefined {
  return (request as { [CALLER]?: Principal })[CALLER];
}

/** Whom the log names as having done what this request does. */
export function actorOf(request: object): string {
  return callerOf(request)?.id ?? 'nobody';
}

/** Whom the log names as having changed something. Auditors look, and change nothing: throws `reader_only`. */
export function changerOf(request: object): string {
  const principal = callerOf(request);
  if (principal === undefined || principal.role === 'auditor')
    throw new Problem(403, 'reader_only', 'An auditor looks, and changes nothing.');
  return principal.id;
}

/**
 * The account whose things this caller may see; undefined when they may see everything. Somebody
 * without a key got here only through a route that `http.open` opened, and sees everything there, as
 * the clients those routes are opened for expect.
 */
export function visibleAccount(request: object): string | undefined {
  const principal = callerOf(request);
  return principal === undefined || seesEveryAccount(principal) ? undefined : principal.accountId;
}
