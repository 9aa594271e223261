import { Migration } from '@mikro-orm/migrations';

/** Users: whom keys and wallets belong to, and the accounts they act for. */
export class Migration0010 extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement);
  }
}

const STATEMENTS = [
  // Ids are text so that an id of another form is simply unknown.
  `CREATE TABLE account_user (
    id text COLLATE "C" PRIMARY KEY,
    display_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'operator', 'auditor', 'owner', 'device')),
    created_at_ms int8 NOT NULL,
    disabled_at_ms int8
  )`,
  `CREATE TABLE account_of_user (
    user_id text COLLATE "C" NOT NULL REFERENCES account_user (id),
    account_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (user_id, account_id)
  )`,
  'CREATE INDEX account_of_user_by_account ON account_of_user (account_id, user_id)',
  // One wallet, one user.
  `CREATE TABLE wallet (
    chain text COLLATE "C" NOT NULL,
    address text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL REFERENCES account_user (id),
    PRIMARY KEY (chain, address)
  )`,
  'CREATE INDEX wallet_of_user ON wallet (user_id)',
  'ALTER TABLE api_key ADD COLUMN user_id text COLLATE "C" REFERENCES account_user (id)',
  'CREATE INDEX api_key_of_user ON api_key (user_id, id) WHERE user_id IS NOT NULL',
  // Meters are found by the name their owner goes by, such as a wallet address.
  'CREATE INDEX meter_by_owner ON meter (owner) WHERE owner IS NOT NULL',
];
