import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** Who may use the gateway: users, their wallets, and API keys. */
export const USER_ROUTES = {
  whoAmI: {
    method: 'GET',
    path: `${API}/auth/me`,
    access: 'owner',
    scope: 'read',
    tag: 'accounts',
    summary: 'Whose key this is, and what it may do',
    aliases: [`${API}/users/me`],
  },
  createUser: {
    method: 'POST',
    path: `${API}/admin/users`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Creates a user who acts for accounts',
  },
  listUsers: {
    method: 'GET',
    path: `${API}/admin/users`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Users, filtered by account_id and role',
  },
  getUser: {
    method: 'GET',
    path: `${API}/admin/users/:id`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'One user',
  },
  disableUser: {
    method: 'POST',
    path: `${API}/admin/users/:id/disable`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Ends what a user may: every key of theirs is revoked',
  },
  addWallet: {
    method: 'POST',
    path: `${API}/admin/users/:id/wallets`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Gives a user a wallet address',
  },
  removeWallet: {
    method: 'DELETE',
    path: `${API}/admin/users/:id/wallets/:chain/:address`,
    access: 'admin',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Takes a wallet address from a user',
  },
  createApiKey: {
    method: 'POST',
    path: `${API}/admin/api-keys`,
    access: 'owner',
    scope: 'accounts',
    tag: 'accounts',
    summary:
      'Creates an API key; its secret is shown this once. Admins; with meter_id also operators and the owner of the meter',
    aliases: [`${API}/api-keys`],
  },
  listApiKeys: {
    method: 'GET',
    path: `${API}/admin/api-keys`,
    access: 'owner',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'API keys without their secrets; whoever is no admin sees those of devices alone',
    aliases: [`${API}/api-keys`],
  },
  revokeApiKey: {
    method: 'DELETE',
    path: `${API}/admin/api-keys/:id`,
    access: 'owner',
    scope: 'accounts',
    tag: 'accounts',
    summary: 'Revokes an API key at once; the keys of their devices owners may, too',
    aliases: [`${API}/api-keys/:id`],
  },
} as const satisfies Record<string, RouteRule>;

const text = { type: 'string' } as const;
const json = ['application/json'] as const;
const role = { type: 'string', enum: ['admin', 'operator', 'auditor', 'owner', 'device'] } as const;

const wallet = {
  type: 'object',
  required: ['chain', 'address'],
  properties: {
    chain: { type: 'string', enum: ['bitcoin', 'bsv', 'evm', 'solana', 'stellar'] },
    address: text,
  },
} as const;

const user = {
  type: 'object',
  required: ['display_name', 'role', 'accounts'],
  properties: {
    display_name: text,
    role,
    accounts: { type: 'array', items: text, minItems: 1, description: 'They act for these.' },
    wallets: { type: 'array', items: wallet },
  },
} as const;

const apiKey = {
  type: 'object',
  properties: {
    account_id: { type: 'string', description: 'Required without meter_id.' },
    role: { ...role, description: 'Required without meter_id.' },
    meter_id: {
      type: 'string',
      description:
        'A device key: it speaks for this meter alone, while that is the account\u2019s.',
    },
    user_id: { type: 'string', format: 'uuid', description: 'Of this user, within what they may.' },
    scopes: { type: 'array', items: text, description: 'Empty: all that the role may.' },
    expires_at: { type: 'string', format: 'date-time' },
  },
} as const;

const shown = 'id, display_name, role, accounts, wallets, created_at, disabled_at.';

export const USER_OPERATIONS: Readonly<Record<keyof typeof USER_ROUTES, OperationShape>> = {
  whoAmI: {
    answers: {
      200: 'id, display_name, wallet_address and wallets of the user (null for a key that is nobody\u2019s), role, account_id, accounts, key_id, scopes.',
    },
  },
  createUser: { body: { types: json, schema: user }, answers: { 201: shown } },
  listUsers: {
    query: { ...page, account_id: 'Who act for this account.', role: 'Of this role.' },
    answers: { 200: 'Users, by id.' },
  },
  getUser: { answers: { 200: shown } },
  disableUser: { answers: { 200: 'The user, now disabled.' } },
  addWallet: { body: { types: json, schema: wallet }, answers: { 200: shown } },
  removeWallet: { answers: { 200: shown } },
  createApiKey: {
    body: { types: json, schema: apiKey },
    answers: { 201: 'The key with its secret, shown this once.' },
  },
  listApiKeys: {
    query: {
      ...page,
      account_id: 'Of this account.',
      user_id: 'Of this user.',
      meter_id: 'Of this meter.',
    },
    answers: { 200: 'Keys.' },
  },
  revokeApiKey: { answers: { 200: 'Revoked.' } },
};
