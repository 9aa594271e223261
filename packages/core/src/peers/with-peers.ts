import { createRequire } from 'node:module';

/** Optional peers that this use of the package needs and that are not all installed. */
export class PeerMissing extends Error {
  override readonly name = 'PeerMissing';
  readonly code = 'peer_missing';

  constructor(
    what: string,
    missing: string,
    readonly packages: readonly string[],
    options: ErrorOptions,
  ) {
    super(
      `${what} needs the package "${missing}", which is not installed. Run: npm install ${packages.map(atPeerVersion).join(' ')}`,
      options,
    );
  }
}

/**
 * What `load` gives, which stands on optional peers. Throws `PeerMissing` with all that is to be installed when one
 * of `packages` is not there, so that nobody finds them out one by one; other errors as they are.
 */
export async function withPeers<T>(
  what: string,
  packages: readonly string[],
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const missing = missingPackage(cause);
    if (missing === undefined || !packages.includes(missing)) throw cause;
    throw new PeerMissing(what, missing, packages, { cause });
  }
}

/** Node says it in words only: Cannot find package 'pg' imported from … */
function missingPackage(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') return undefined;
  return /Cannot find package '([^']+)'/.exec((error as Error).message)?.[1];
}

/** Some peers are exact, others of one major version: the newest could be refused. */
function atPeerVersion(name: string): string {
  const own = createRequire(import.meta.url)('@wattproof/core/package.json') as {
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  const version = own.peerDependencies[name];
  return version === undefined ? name : `${name}@${version.replace(/^\^(\d+).*/, '$1')}`;
}
