import type { FleetMember } from './fleet.js';

/** What a device needs of a gateway, over HTTP. */
export class GatewayClient {
  readonly #base: string;

  constructor(
    baseUrl: string,
    private readonly options: { readonly apiKey?: string; readonly fetch?: typeof fetch } = {},
  ) {
    this.#base = baseUrl.replace(/\/+$/, '');
  }

  /** Registers with proof of possession; `true` when registered now, `false` when it was already. */
  async register(member: FleetMember, origin: string): Promise<boolean> {
    const { nonce } = (await this.#post('/api/v1/meters/challenge', {}, [200, 201])).body as {
      nonce: string;
    };
    const answer = await this.#post(
      '/api/v1/meters/register',
      {
        meter_id: member.meter.meterId,
        device_id: member.meter.deviceId,
        site_id: member.meter.siteId,
        public_key: member.device.publicKey,
        alg: 'Ed25519',
        proof_of_possession: {
          nonce,
          signature: member.device.proveWith(origin, member.meter.meterId, nonce),
        },
        rating_w: member.meter.ratingW,
      },
      [201, 409],
    );
    return answer.status === 201;
  }

  async origin(): Promise<string> {
    const response = await this.#fetch('/api/v1/log/keys', {});
    const body = (await response.json()) as { origin: string };
    return body.origin;
  }

  /** Resolves to the verdicts, in order. Waits and repeats when the gateway says 429 or 503. */
  async submit(
    body: object,
    attempts = 20,
  ): Promise<
    readonly { readonly verdict: string; readonly reason?: string; readonly id: string | null }[]
  > {
    for (let attempt = 1; ; attempt += 1) {
      const {
        status,
        body: answer,
        retryAfterS,
      } = await this.#post('/api/v1/readings', body, [200, 202, 429, 503]);
      if (status !== 429 && status !== 503)
        return (Array.isArray(answer) ? answer : [answer]) as never;
      if (attempt === attempts)
        throw new Error(`The gateway was still refusing (${status}) after ${attempts} tries.`);
      await new Promise((resolve) => {
        setTimeout(resolve, Math.max(1, retryAfterS) * 1000);
      });
    }
  }

  async #post(
    path: string,
    body: object,
    expected: readonly number[],
  ): Promise<{ status: number; body: unknown; retryAfterS: number }> {
    const response = await this.#fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!expected.includes(response.status)) {
      throw new Error(`POST ${path} answered ${response.status}: ${text.slice(0, 300)}`);
    }
    return {
      status: response.status,
      body: text === '' ? undefined : JSON.parse(text),
      retryAfterS: Number(response.headers.get('retry-after') ?? 1),
    };
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.options.apiKey !== undefined) headers.set('x-api-key', this.options.apiKey);
    return (this.options.fetch ?? fetch)(this.#base + path, { ...init, headers });
  }
}
