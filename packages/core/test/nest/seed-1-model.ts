import { randomUUID } from 'node:crypto';
import type { SeedBody } from './seed-meter.js';

interface SeedReading {
  readonly id: string;
  readonly user: string;
  readonly wallet: string;
  readonly kwh: number;
  readonly atMs: number;
  minted: boolean;
}

/**
 * GridTokenX's gateway as its own specification describes it: whoever is logged in submits for any wallet, the signature
 * is accepted and not looked at, there are no meters, and readings of one user are 15 minutes apart. What it stores is
 * rows of a table; certificates are rows of another one.
 */
export class Seed1Model {
  readonly readings: SeedReading[] = [];
  readonly certificates: { readonly reading: string; readonly kwh: number }[] = [];

  constructor(private readonly nowMs: () => number) {}

  submit(
    user: string | undefined,
    body: SeedBody,
  ): { readonly status: number; readonly id?: string } {
    if (user === undefined) return { status: 401 };
    const atMs = Date.parse(body.reading_timestamp);
    const kwh = Number(body.kwh_amount);
    const now = this.nowMs();
    if (kwh <= 0 || kwh > 100 || atMs > now || atMs < now - 7 * 86_400_000) return { status: 400 };
    const isNear = ({ user: other, atMs: then }: SeedReading): boolean =>
      other === user && Math.abs(then - atMs) <= 15 * 60_000;
    if (this.readings.some(isNear)) return { status: 400 };
    const id = randomUUID();
    this.readings.push({ id, user, wallet: body.wallet_address, kwh, atMs, minted: false });
    return { status: 200, id };
  }

  /** kWh an administrator would mint. */
  mintableKWh(): number {
    return this.readings.reduce((sum, { kwh, minted }) => sum + (minted ? 0 : kwh), 0);
  }

  /** `GET /api/meters/readings/{wallet}`: anybody who is logged in. */
  readingsOf(wallet: string): readonly SeedReading[] {
    return this.readings.filter((reading) => reading.wallet === wallet);
  }

  /** A certificate is a row: nothing asks what else the energy was used for, and no ledger hears of it. */
  certify(reading: string): { readonly status: number; readonly proof: undefined } {
    const { kwh } = this.readings.find(({ id }) => id === reading)!;
    this.certificates.push({ reading, kwh });
    return { status: 200, proof: undefined };
  }
}
