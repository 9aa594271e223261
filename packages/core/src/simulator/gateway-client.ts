import type { FleetMember } from './fleet.js';

/** What the gateway said of one reading. */
export interface Verdict {
  readonly verdict: string;
  readonly reason?: string;
  readonly id: string | null;
}

/** A meter and the device that signs for it. */
export interface RegisteredMeter {
  readonly meter: Pick<FleetMember['meter'], 'meterId' | 'deviceId' | 'siteId' | 'ratingW'> & {
    /** Degrees (WGS 84). */
    readonly location?: { readonly latitude: number; readonly longitude: number };
  };
  readonly device: FleetMember['device'];
}

export type Submission =
  | { readonly verdicts: readonly Verdict[]; readonly retryAfterMs?: never; readonly why?: never }
  | { readonly retryAfterMs: number; readonly why: string; readonly verdicts?: never };

/** A device gives up waiting for an answer then, and sends the same again. */
const ANSWER_WITHIN_MS = 30_000;

/** The gateway answered something that sending again does not change. */
class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
}

/** What a device needs of a gateway, over HTTP. */
export class GatewayClient {
  readonly #base: string;

  constructor(
    baseUrl: string,
    private readonly options: {
      readonly apiKey?: string;
      readonly fetch?: typeof fetch;
      /** Cuts off what is under way. */
      readonly signal?: AbortSignal;
    } = {},
  ) {
    this.#base = baseUrl.replace(/\/+$/, '');
  }

  /** Registers with proof of possession; `true` when registered now, `false` when it was already. */
  async register(member: RegisteredMeter, origin: string): Promise<boolean> {
    const { nonce } = (await this.post('/api/v1/meters/challenge', {}, [200, 201])).body as {
      nonce: string;
    };
    const answer = await this.post(
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
        ...(member.meter.location === undefined ? {} : { location: member.meter.location }),
      },
      [201, 409],
    );
    return answer.status === 201;
  }

  async origin(): Promise<string> {
    const response = await this.#fetch('/api/v1/log/keys', {});
    if (!response.ok) {
      throw new UnexpectedAnswer(
        `${this.#base}/api/v1/log/keys answered ${response.status}; is this a Wattproof gateway?`,
      );
    }
    const body = (await response.json()) as { origin: string };
    return body.origin;
  }

  /**
   * Sends a message once. The verdicts are in order; `retryAfterMs` says that nobody can know what became of the
   * message (429, 503, a broken connection) and that the same bytes are to be sent again, after that long.
   */
  async submit(body: object): Promise<Submission> {
    let answer: Awaited<ReturnType<GatewayClient['post']>>;
    try {
      answer = await this.post('/api/v1/readings', body, [200, 202, 429, 503]);
    } catch (error) {
      if (error instanceof UnexpectedAnswer) throw error;
      return { retryAfterMs: 1000, why: reasonOf(error) };
    }
    if (answer.status === 429 || answer.status === 503) {
      const why = `the gateway answered ${answer.status}`;
      return { retryAfterMs: Math.max(1, answer.retryAfterS) * 1000, why };
    }
    return { verdicts: (Array.isArray(answer.body) ? answer.body : [answer.body]) as Verdict[] };
  }

  private async post(
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
      throw new UnexpectedAnswer(`POST ${path} answered ${response.status}: ${text.slice(0, 300)}`);
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
    const { signal: stop } = this.options;
    const late = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const signal = stop === undefined ? late : AbortSignal.any([stop, late]);
    return (this.options.fetch ?? fetch)(this.#base + path, { ...init, headers, signal });
  }
}

/** `fetch failed (connect ECONNREFUSED 127.0.0.1:3000)` */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? `${message} (${cause.message})` : message;
}
