export { SUBMIT_LOGS, SUBMIT_READINGS } from './subjects.js';
