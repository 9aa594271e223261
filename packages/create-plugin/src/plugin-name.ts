import { isBuiltin } from 'node:module';

/** A package name and the words that it gives the code. */
export interface PluginName {
  /** `@example/anchor-my-chain` */
  readonly full: string;
  /** `anchor-my-chain` */
  readonly unscoped: string;
  /** `my-chain`: in texts and names of files. */
  readonly kebab: string;
}

/** npm's own limit. */
const MAX_LENGTH = 214;
/** What npm takes for a new package, without the odd ones: no capitals, nothing that begins with a dot, nothing that leads out of a folder. */
const PACKAGE = /^(?:@[a-z0-9][a-z0-9._-]*\/)?([a-z0-9][a-z0-9._-]*)$/;
const NEVER = ['node_modules', 'favicon.ico'];

/** The name, or what is wrong with it. */
export function pluginName(full: string): PluginName | string {
  const unscoped = PACKAGE.exec(full)?.[1];
  if (
    unscoped === undefined ||
    full.length > MAX_LENGTH ||
    NEVER.includes(unscoped) ||
    isBuiltin(full)
  )
    return `${JSON.stringify(full)} is not the name of a new npm package: small letters, digits, ".", "_" and "-", with or without a @scope/, such as anchor-mychain`;
  const kebab = unscoped
    .split(/[._-]+/)
    .filter((word) => word !== '')
    .join('-')
    .replace(/^wattproof-/, '')
    .replace(/^(anchor|transport|pricing)-|-(anchor|transport|pricing)$/, '');
  if (!/^[a-z]/.test(kebab))
    return `${JSON.stringify(full)} gives "${kebab}" as the name in the code, which does not begin with a letter; take another`;
  return { full, unscoped, kebab };
}

/** `my-chain` as a class says it: `MyChain`. */
export const pascal = (kebab: string): string =>
  kebab
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('');

/** `my-chain` as a code of an error says it: `my_chain`. */
export const snake = (kebab: string): string => kebab.replaceAll('-', '_');
