import type { AnsweredItem } from '@wattproof/core/testing';
import type { ConnectDevice } from './device-link.js';

/** `POST /readings`, through the proxy's port when there is one. */
export const httpLink: ConnectDevice = async (_member, { port, apiKey }) => ({
  async send(body) {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`http://127.0.0.1:${port}/api/v1/readings`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': apiKey },
        body,
      });
      text = await response.text();
    } catch {
      return undefined;
    }
    if (response.status === 200) return JSON.parse(text) as AnsweredItem[];
    if (response.status === 429 || response.status === 503) return undefined;
    throw new Error(`The gateway answered ${response.status}: ${text.slice(0, 300)}`);
  },
  async close() {},
});
