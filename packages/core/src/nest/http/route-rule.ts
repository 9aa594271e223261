import type { AccessClass } from '../../accounts/access.js';

/** Groups of routes that `http.open` opens without a key. */
export const OPEN_GROUPS = ['logs', 'proofs', 'flush'] as const;
export type OpenGroup = (typeof OPEN_GROUPS)[number];

export interface RouteRule {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly access: AccessClass;
  /** A key with scopes needs this one. Every route that is not public names one: a scope must never open what it does not name. */
  readonly scope?: string;
  /** `http.open` with this name lets callers in without a key. */
  readonly opens?: OpenGroup;
  readonly tag: string;
  readonly summary: string;
  /** Paths of older systems that answer as well. */
  readonly aliases?: readonly string[];
}

export const API = '/api/v1';
