import { EVENT_TYPES } from '../../../events/event-types.js';
import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

const rule = { access: 'owner', scope: 'webhooks', tag: 'webhooks' } as const;

/** Endpoints to which committed events are sent as signed requests. */
export const WEBHOOK_ROUTES = {
  createWebhook: {
    ...rule,
    method: 'POST',
    path: `${API}/webhooks`,
    summary: 'Creates an endpoint for events; its secret is shown this once',
  },
  listWebhooks: {
    ...rule,
    method: 'GET',
    path: `${API}/webhooks`,
    summary: 'Endpoints, without their secrets',
  },
  getWebhook: {
    ...rule,
    method: 'GET',
    path: `${API}/webhooks/:id`,
    summary: 'One endpoint and how it does',
  },
  changeWebhook: {
    ...rule,
    method: 'PATCH',
    path: `${API}/webhooks/:id`,
    summary: 'Changes, pauses or resumes an endpoint',
  },
  rotateWebhookSecret: {
    ...rule,
    method: 'POST',
    path: `${API}/webhooks/:id/rotate-secret`,
    summary:
      'Gives an endpoint another secret, shown this once; the old one signs besides for a day',
  },
  deleteWebhook: {
    ...rule,
    method: 'DELETE',
    path: `${API}/webhooks/:id`,
    summary: 'Deletes an endpoint with what waits for it',
  },
  testWebhook: {
    ...rule,
    method: 'POST',
    path: `${API}/webhooks/:id/test`,
    summary: 'Sends a webhook.test event the way every other one goes',
  },
  webhookDeliveries: {
    ...rule,
    method: 'GET',
    path: `${API}/webhooks/:id/deliveries`,
    summary: 'What was sent, what waits and what was given up, newest first',
  },
  replayDelivery: {
    ...rule,
    method: 'POST',
    path: `${API}/webhooks/:id/deliveries/:delivery/replay`,
    summary: 'Sends one event again',
  },
  replayWebhook: {
    ...rule,
    method: 'POST',
    path: `${API}/webhooks/:id/replay`,
    summary: 'Sends the events of a time again, those that were missed too',
  },
} as const satisfies Record<string, RouteRule>;

const members = {
  url: {
    type: 'string',
    format: 'uri',
    maxLength: 2048,
    description: 'https, a name and no address, a port that the configuration lists.',
  },
  events: {
    type: 'array',
    maxItems: 64,
    items: { type: 'string' },
    description: `Types, or families such as \`meter.*\`; none: all. Known: ${Object.keys(EVENT_TYPES).join(', ')}.`,
  },
  in_order: {
    type: 'boolean',
    description:
      'true: one at a time, each after the one before it. Default false: in the order of events, several at once; what failed comes later.',
  },
} as const;

const json = (schema: object) => ({ types: ['application/json'], schema });

const ENDPOINT =
  'id, account_id, scope, url, events, in_order, state (active, paused, disabled), failures, failing_since, retry_at, missed, created_at, previous_secret_until';
const DELIVERY =
  'id (of the event), type, state (pending, delivered, dead), attempts, created_at, next_at, expires_at, last_at, status, error, body';

export const WEBHOOK_OPERATIONS: Readonly<Record<keyof typeof WEBHOOK_ROUTES, OperationShape>> = {
  createWebhook: {
    body: json({
      type: 'object',
      required: ['url'],
      properties: {
        ...members,
        scope: {
          type: 'string',
          enum: ['account', 'all'],
          description:
            'all: events of every account and those of none; for who may read those of all. Default account.',
        },
      },
    }),
    answers: { 201: `${ENDPOINT}, secret.` },
  },
  listWebhooks: {
    query: { ...page, account_id: 'Of this account; for operators.' },
    answers: { 200: `A list of: ${ENDPOINT}.` },
  },
  getWebhook: { answers: { 200: `${ENDPOINT}.` } },
  changeWebhook: {
    body: json({
      type: 'object',
      properties: { ...members, state: { type: 'string', enum: ['active', 'paused'] } },
    }),
    answers: { 200: `${ENDPOINT}.` },
  },
  rotateWebhookSecret: { answers: { 200: `${ENDPOINT}, secret.` } },
  deleteWebhook: { answers: { 200: 'id, deleted.' } },
  testWebhook: { answers: { 202: 'id, queued.' } },
  webhookDeliveries: {
    query: { ...page, state: 'pending, delivered or dead.' },
    answers: { 200: `A list of: ${DELIVERY}.` },
  },
  replayDelivery: { answers: { 202: `${DELIVERY}.` } },
  replayWebhook: {
    body: json({
      type: 'object',
      required: ['from', 'to'],
      properties: {
        from: { type: 'string', format: 'date-time', description: 'Inclusive.' },
        to: { type: 'string', format: 'date-time', description: 'Exclusive.' },
      },
    }),
    answers: {
      202: 'queued (how many), next_from: when not null, ask again from there once there is room.',
    },
  },
};
