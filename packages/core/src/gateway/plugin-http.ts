import type { HttpHost, HttpRequest, HttpResponse, UpgradeRequest } from '../spi/index.js';

type Handle = (request: HttpRequest) => Promise<HttpResponse>;
type Upgrade = (request: UpgradeRequest, socket: unknown, head: Uint8Array) => void;
type Check = (request: HttpRequest) => Promise<HttpResponse | undefined>;

export interface PluginRoute {
  /** In capitals. */
  readonly method: string;
  readonly path: string;
  readonly handle: Handle;
}

/** Where a plugin instance's own paths begin. */
export const PLUGIN_PATHS = '/api/v1/plugins/';

/** What plugins want to answer on the gateway's server. The HTTP side asks here; nothing listens here. */
export class PluginHttp {
  private readonly handlers = new Map<string, PluginRoute>();
  private readonly upgrades = new Map<string, Upgrade>();
  private readonly checks = new Map<string, Check>();

  /** `guards`: names of the checks the plugin declares. */
  hostFor(instanceId: string, guards: readonly string[] = []): HttpHost {
    const base = `${PLUGIN_PATHS}${instanceId}`;
    return {
      route: (method, path, handle) => {
        const route = { method: method.toUpperCase(), path: joined(base, path), handle };
        claim(this.handlers, `${route.method} ${route.path}`, route);
      },
      // A protocol's own path, as configured: clients of that protocol know no other.
      upgrade: (path, handle) => claim(this.upgrades, joined('', path), handle),
      guard: (name, check) => {
        if (!guards.includes(name))
          throw new Error(`The check "${name}" is not declared in needs.http.guards.`);
        claim(this.checks, `${instanceId}.${name}`, check);
      },
    };
  }

  get routes(): readonly PluginRoute[] {
    return [...this.handlers.values()];
  }

  upgrade(path: string): Upgrade | undefined {
    return this.upgrades.get(path);
  }

  guard(name: string): Check | undefined {
    return this.checks.get(name);
  }

  get upgradePaths(): readonly string[] {
    return [...this.upgrades.keys()];
  }
}

function joined(base: string, path: string): string {
  return `${base}${path.startsWith('/') ? '' : '/'}${path}`;
}

function claim<T>(taken: Map<string, T>, key: string, value: T): void {
  if (taken.has(key)) throw new Error(`"${key}" is taken by another plugin instance.`);
  taken.set(key, value);
}
