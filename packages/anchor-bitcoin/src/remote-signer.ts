import { AnchorError } from '@wattproof/core/spi';
import { z } from 'zod';
import { boundedAnswer } from './bounded-answer.js';

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
    const who = `The signer at ${new URL(url).origin}`;
    const init = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ psbt }),
      signal,
    };
    const { status, bytes } = await boundedAnswer(who, url, init, {
      timeoutMs,
      request: this.request,
    });
    if (status !== 200)
      throw new AnchorError('unavailable', `${who} did not sign: HTTP ${status}.`);
    try {
      return Answer.parse(JSON.parse(new TextDecoder().decode(bytes))).psbt;
    } catch (cause) {
      throw new AnchorError('unavailable', `${who} answered no {"psbt": base64}.`, { cause });
    }
  }
}
