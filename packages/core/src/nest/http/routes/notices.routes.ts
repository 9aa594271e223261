import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** What accounts are told. */
export const NOTICE_ROUTES = {
  listNotices: {
    method: 'GET',
    path: `${API}/notices`,
    access: 'owner',
    scope: 'read',
    tag: 'notices',
    summary: 'What this account is told, newest first',
  },
  readNotice: {
    method: 'POST',
    path: `${API}/notices/:id/read`,
    access: 'owner',
    scope: 'notices',
    tag: 'notices',
    summary: 'Marks a notice as read',
  },
} as const satisfies Record<string, RouteRule>;

const NOTICE = 'id, type, text, data, at, count (how many events it stands for), read_at';

export const NOTICE_OPERATIONS: Readonly<Record<keyof typeof NOTICE_ROUTES, OperationShape>> = {
  listNotices: {
    query: {
      ...page,
      unread: 'true: only those.',
      account_id: 'Of this account; for operators, who else see what is told to the operation.',
    },
    answers: { 200: `notices (${NOTICE}) and unread, the number of all that are.` },
  },
  readNotice: { answers: { 200: `${NOTICE}.` } },
};
