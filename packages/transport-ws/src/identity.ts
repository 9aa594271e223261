import type { Caller, Callers } from '@wattproof/core/spi';
import { KEY_FULL } from './admission.js';
import type { AuthFields } from './client-message.js';
import { credentialOf } from './credential.js';
import type { Outgoing } from './outgoing.js';
import { callerSummary } from './server-message.js';

/** Challenges that one connection may ask for. */
const MAX_CHALLENGES = 3;

/** Who is at the other end of one connection, once that is known and as long as the credential holds. */
export class Identity {
  private challenges = 0;

  constructor(
    private readonly parts: {
      readonly callers: Callers;
      readonly outgoing: Pick<Outgoing, 'send' | 'nack'>;
      readonly end: (code: number, reason: string) => void;
      readonly isEnding: () => boolean;
      /** False when there is no place for another connection of theirs. */
      readonly admit: (caller: Caller) => boolean;
      /** Somebody has shown who they are, and has been told that they are known. */
      readonly onKnown: () => void;
      /** The credential was looked at. */
      readonly onChecked: () => void;
      readonly onRevoked: () => void;
    },
    private known: Caller | undefined,
  ) {}

  get caller(): Caller | undefined {
    return this.known;
  }

  async challenge(): Promise<void> {
    const { callers, outgoing, end } = this.parts;
    this.challenges += 1;
    if (this.challenges > MAX_CHALLENGES) {
      end(1008, 'too_many_challenges');
      return;
    }
    try {
      outgoing.send({ type: 'challenge', challenge: await callers.challenge() });
    } catch {
      end(1013, 'store_unavailable');
    }
  }

  async authenticate(fields: AuthFields): Promise<void> {
    const { callers, outgoing, end, isEnding, admit, onKnown } = this.parts;
    if (this.known !== undefined) {
      outgoing.nack(
        null,
        'already_authenticated',
        'This connection is known already; open another.',
      );
      return;
    }
    try {
      const credential = credentialOf(fields);
      const caller = credential && (await callers.authenticate(credential));
      if (caller === undefined) {
        outgoing.nack(null, 'auth_failed', 'Nobody is known by this.');
        end(1008, 'auth_failed');
        return;
      }
      if (isEnding()) return;
      if (!admit(caller)) {
        end(1013, KEY_FULL);
        return;
      }
      this.known = caller;
      outgoing.send({ type: 'authenticated', caller: callerSummary(caller) });
      onKnown();
    } catch {
      end(1013, 'store_unavailable');
    }
  }

  /** Closes the connection when the credential does not hold any more. Rejects when the store cannot be asked. */
  async isStillKnown(): Promise<boolean> {
    if (this.known === undefined) return true;
    const holds = await this.parts.callers.isValid(this.known);
    this.parts.onChecked();
    if (!holds) {
      this.parts.onRevoked();
      this.parts.end(1008, 'credential_revoked');
    }
    return holds;
  }
}
