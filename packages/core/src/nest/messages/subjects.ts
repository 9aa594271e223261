/** Messages with readings in the forms that `POST /api/v1/readings` takes. */
export const SUBMIT_READINGS = 'wattproof.readings.submit';
/** One unsigned `emlog-1.1` document, as `POST /api/v1/logs` takes it. */
export const SUBMIT_LOGS = 'wattproof.logs.submit';

/** Whether messages of the subject are ours; others belong to handlers of the host, which get them as Nest gives them. */
export function isSubject(
  pattern: unknown,
): pattern is typeof SUBMIT_READINGS | typeof SUBMIT_LOGS {
  return pattern === SUBMIT_READINGS || pattern === SUBMIT_LOGS;
}
