import { Migration } from '@mikro-orm/migrations';

/** What a device wrapped a signature in, and the batches that devices chained. */
export class Migration0013 extends Migration {
  override up(): void {
    // Few entries have one, and it goes with the body it signs.
    this.addSql(`CREATE TABLE entry_envelope (
      entry_id uuid PRIMARY KEY REFERENCES entry_body ON DELETE CASCADE,
      type text NOT NULL,
      header bytea NOT NULL
    )`);
    this.addSql(`CREATE TABLE signed_batch (
      -- SHA-256 of the key's SPKI, as readings' sequences have it.
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
      PRIMARY KEY (device, epoch, hash)
    )`);
    // One chain: no reading number in two batches, and no batch with two behind it.
    this.addSql(`ALTER TABLE signed_batch ADD EXCLUDE USING gist
      (device WITH =, epoch WITH =, int8range(first_sequence, last_sequence, '[]') WITH &&)`);
  }
}
