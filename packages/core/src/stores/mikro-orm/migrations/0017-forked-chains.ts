import { Migration } from '@mikro-orm/migrations';

/** Batches that a device signed over numbers it had signed in another batch: evidence, and no part of a chain. */
export class Migration0017 extends Migration {
  override up(): void {
    this.addSql(`CREATE TABLE forked_batch (
      device text NOT NULL,
      epoch int4 NOT NULL,
      key_id text NOT NULL,
      alg text NOT NULL,
      public_key bytea NOT NULL,
      first_sequence int8 NOT NULL,
      last_sequence int8 NOT NULL CHECK (last_sequence >= first_sequence),
      root bytea NOT NULL,
      previous bytea NOT NULL,
      hash bytea NOT NULL,
      signature bytea NOT NULL,
      received_at_ms int8 NOT NULL,
      -- The batch of the chain that it contradicts.
      rival_hash bytea NOT NULL,
      PRIMARY KEY (device, epoch, hash),
      FOREIGN KEY (device, epoch, rival_hash) REFERENCES signed_batch (device, epoch, hash)
    )`);
  }
}
