import { AnchorError } from '@wattproof/core/spi';
import { z } from 'zod';

/** Whoever holds the key of the address that pays: this process, a service, an HSM. */
export interface RemoteSigner {
  /** Compressed, 33 bytes; for taproot the internal key. */
  readonly publicKey: Uint8Array;
  /**
   * Signs every input of a PSBT (BIP-174, BIP-371; base64) with SIGHASH_ALL, or taproot's default by its key path, tweaked
   * by PSBT_IN_TAP_MERKLE_ROOT where that is given, and answers with it. Repeatable. What comes back is checked against what was asked; refusals are `AnchorError`.
   */
  signPsbt(psbt: string, signal: AbortSignal): Promise<string>;
}

export interface HttpSignerOptions {
  readonly url: string;
  /** Compressed, hex. */
  readonly publicKey: string;
  readonly token?: string | undefined;
  readonly timeoutMs: number;
}

const Answer = z.object({ psbt: z.base64() });

/** A signer that is asked by `POST {"psbt": …}` and answers with the same, signed. */
export class HttpSigner implements RemoteSigner {
  readonly publicKey: Uint8Array;

  constructor(
    private readonly options: HttpSignerOptions,
    private readonly request: typeof fetch = fetch,
  ) {
    this.publicKey = Uint8Array.from(Buffer.from(options.publicKey, 'hex'));
  }

  async signPsbt(psbt: string, signal: AbortSignal): Promise<string> {
    const { url, token, timeoutMs } = this.options;
    try {
      const response = await this.request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({ psbt }),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
      return Answer.parse(await response.json()).psbt;
    } catch (cause) {
      throw new AnchorError(
        'unavailable',
        `The signer at ${new URL(url).origin} did not sign: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}
