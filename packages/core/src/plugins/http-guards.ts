import type { HostNeeds } from '../spi/index.js';
import type { ConfiguredPlugin } from './load-plugin.js';
import type { ConfigProblem } from './plugin-errors.js';

/** Section `http.guards`: operation id of a route → checks it must pass, in this order. */
export type HttpGuards = Readonly<Record<string, readonly string[]>>;

/** Names of the checks a plugin offers, as it declares them. */
export function declaredGuards(needs: HostNeeds | undefined): readonly string[] {
  return typeof needs?.http === 'object' ? needs.http.guards : [];
}

/** Routes that do not exist and checks that no plugin instance offers. */
export function httpGuardProblems(
  guards: HttpGuards,
  plugins: readonly ConfiguredPlugin[],
  routes: readonly string[],
): readonly ConfigProblem[] {
  const offered = plugins.flatMap(({ entry, plugin }) =>
    declaredGuards(plugin.capabilities.needs).map((name) => `${entry.instanceId}.${name}`),
  );
  const offers = offered.length === 0 ? 'no plugin offers one' : `there are ${offered.join(', ')}`;
  return Object.entries(guards).flatMap(([route, names]): readonly ConfigProblem[] => [
    ...(routes.includes(route)
      ? []
      : [
          {
            path: `http.guards.${route}`,
            message: `no route is called "${route}". Names are the operation ids of /openapi.json, such as ${routes.slice(0, 3).join(', ')}.`,
          },
        ]),
    ...names
      .filter((name) => !offered.includes(name))
      .map((name) => ({
        path: `http.guards.${route}`,
        message: `no check is called "${name}"; ${offers}. A check is named INSTANCE.CHECK.`,
      })),
  ]);
}
