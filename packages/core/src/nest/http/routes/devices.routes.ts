import { type OperationShape, page } from '../operation-shape.js';
import { API, type RouteRule } from '../route-rule.js';

/** What devices say besides readings, and what they are asked to do. */
export const DEVICE_ROUTES = {
  listDevices: {
    method: 'GET',
    path: `${API}/devices`,
    access: 'owner',
    scope: 'read',
    tag: 'devices',
    summary: 'Devices: whether they are there, in alarm, and what they say of themselves',
  },
  getDevice: {
    method: 'GET',
    path: `${API}/devices/:id`,
    access: 'owner',
    scope: 'read',
    tag: 'devices',
    summary: 'One device',
  },
  listAlerts: {
    method: 'GET',
    path: `${API}/devices/:id/alerts`,
    access: 'owner',
    scope: 'read',
    tag: 'devices',
    summary: 'Emergencies that a device told, newest first',
  },
  clearAlert: {
    method: 'POST',
    path: `${API}/devices/:id/alerts/:alert/clear`,
    access: 'owner',
    scope: 'meters',
    tag: 'devices',
    summary: 'Says that somebody has looked at an alert: with its last one a device leaves alarm',
  },
  deliveryProgress: {
    method: 'GET',
    path: `${API}/transfers/:id/progress`,
    access: 'owner',
    scope: 'read',
    tag: 'devices',
    summary: 'How far a delivery is, as devices tell it, newest first',
  },
  deadLetters: {
    method: 'GET',
    path: `${API}/admin/dead-letters`,
    access: 'operator',
    scope: 'read',
    tag: 'devices',
    summary: 'What came in and could not be used, newest first',
  },
  commandMeter: {
    method: 'POST',
    path: `${API}/meters/:id/commands`,
    access: 'operator',
    scope: 'meters',
    tag: 'devices',
    summary: 'Asks the device of a meter to do something',
  },
  listCommands: {
    method: 'GET',
    path: `${API}/meters/:id/commands`,
    access: 'meter',
    scope: 'read',
    tag: 'devices',
    summary: 'What the device of a meter was asked, newest first',
  },
  resendReadings: {
    method: 'POST',
    path: `${API}/meters/:id/resend`,
    access: 'owner',
    scope: 'meters',
    tag: 'devices',
    summary: 'Asks the device of a meter for readings that are missing',
  },
  getCommand: {
    method: 'GET',
    path: `${API}/commands/:id`,
    access: 'owner',
    scope: 'read',
    tag: 'devices',
    summary: 'A command, and what the device answered',
  },
} as const satisfies Record<string, RouteRule>;

const text = { type: 'string' } as const;
const instant = { type: 'string', format: 'date-time' } as const;
const json = ['application/json'] as const;

const device =
  'device, meter_id or null, state (alarm: it has open alerts; online, offline, unknown), online, why (connected, disconnected, will, timeout, status), since, last_seen, open_alerts, telemetry (at, available_kwh, body) or null';
const alert =
  'id, device, severity (info, warning, critical), code, text, at (as the device says), received_at, body, cleared (by, at, reason) or null';
const command =
  'id, meter_id, name, body, state (pending, sent, answered, timeout), asked_by, asked_at, deadline, sends, sent_at, answer (at, assurance, key_id, body) or null';
const refusals = {
  404: 'There is no such meter.',
  409: 'The meter is pending or retired (meter_not_active), no transport sends commands (commands_unavailable), or nothing is missing (nothing_missing).',
  429: 'Too many commands wait for an answer (commands_full).',
} as const;

export const DEVICE_OPERATIONS: Readonly<Record<keyof typeof DEVICE_ROUTES, OperationShape>> = {
  listDevices: {
    query: page,
    answers: {
      200: `Of an owner: every meter of theirs. Of an operator: every device that was heard of. An array of: ${device}.`,
    },
  },
  getDevice: { answers: { 200: `The device: ${device}.`, 404: 'Nobody of yours is called so.' } },
  listAlerts: {
    query: { ...page, open: 'true: those that nobody has cleared; false: the others.' },
    answers: { 200: `An array of: ${alert}.` },
  },
  clearAlert: {
    body: {
      types: json,
      schema: {
        type: 'object',
        required: ['reason'],
        properties: { reason: { ...text, minLength: 1, maxLength: 1024 } },
      },
    },
    answers: {
      200: `The alert as it is now; clearing it again gives the same: ${alert}.`,
      404: 'There is no such alert of this device.',
    },
  },
  deliveryProgress: {
    query: page,
    answers: {
      200: 'An array of: transfer, device, state, delivered_kwh, at, received_at, body. An owner hears what their own devices tell.',
    },
  },
  deadLetters: {
    query: {
      ...page,
      source: 'Topic, path or subject they came over.',
      code: 'Why they could not be used.',
    },
    answers: {
      200: 'An array of: id, at, source, device, code, detail, size, sha256 of its bytes (of what was too large to be taken, of those that were read), first_bytes (base64, secrets blotted out).',
    },
  },
  commandMeter: {
    body: {
      types: json,
      schema: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { ...text, pattern: '^[a-z0-9][a-z0-9_-]{0,63}$' },
          body: { type: 'object' },
          deadline: {
            ...instant,
            description: 'The last instant at which an answer counts; absent: in a minute.',
          },
        },
      },
    },
    answers: { 202: `The command, kept and on its way: ${command}.`, ...refusals },
  },
  listCommands: {
    query: { ...page, state: 'pending, sent, answered or timeout; absent: all.' },
    answers: {
      200: `An owner sees what was asked while the meter was theirs, the key of a device what its own meter was asked. An array of: ${command}.`,
      404: 'There is no such meter of yours.',
    },
  },
  resendReadings: {
    body: {
      types: json,
      schema: {
        type: 'object',
        properties: {
          key_id: { ...text, description: 'Of one key; absent: of all keys of the meter.' },
          first: { ...text, description: 'The first missing sequence number.' },
          last: { ...text, description: 'The last one.' },
          from: { ...instant, description: 'Instead of numbers: readings that start from here …' },
          to: { ...instant, description: '… and before this.' },
        },
        description: 'Nothing of it: every gap of GET /meters/{id}/gaps.',
      },
    },
    answers: { 202: `The command "resend": ${command}.`, ...refusals },
  },
  getCommand: {
    query: { wait: 'Seconds to wait for the answer, at most 30; absent: none.' },
    answers: { 200: `The command: ${command}.`, 404: 'There is none of yours.' },
  },
};
