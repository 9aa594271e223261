import { Inject, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import type { ReadingQuery } from '../../../energy-ledger/reading-list.store.js';
import { kWhOf } from '../../../gateway/documents/kwh.js';
import { readingDocument, walletOfMessage } from '../../../gateway/documents/reading-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { SUBMITTED_FORMAT, type SubmittedReading } from '../../../gateway/submit-reading.js';
import type { ListedReading } from '../../../energy-ledger/reading-list.store.js';
import { statusOfItem } from '../../../ingestion/verdict-codes.js';
import { JsonNumber } from '../../../verify/json/number-literal.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { literalBody } from '../body.js';
import { ClientCertificates } from '../client-certificates.js';
import { type HttpMessageRequest, inboundMessage } from '../inbound-message.js';
import { problemOfAnswer, problemOfItem } from '../ingest-problem.js';
import { Metrics } from '../metrics.js';
import { callerOf, visibleAccount } from '../principal.js';
import {
  instantMs,
  nextLink,
  nextPageLink,
  numberedPage,
  oneOf,
  pageQuery,
  type Query as QueryValues,
  text,
} from '../query.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** A submission whose members are all as long as they may be fits, every character escaped. */
const SUBMISSION_BYTES = 16_384;

const Submission = z.strictObject({
  wallet_address: z.string().min(1).max(255),
  kwh_amount: z.union([
    z
      .instanceof(JsonNumber)
      .transform(({ literal }) => literal)
      .pipe(z.string().max(40)),
    z
      .string()
      .max(40)
      .regex(/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/, 'must be a decimal number'),
  ]),
  reading_timestamp: z.string().min(1).max(64),
  meter_id: z.string().min(1).max(255).nullish(),
  meter_signature: z.string().min(1).max(128).nullish(),
});

@ApiController()
export class SeedMetersController {
  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ClientCertificates) private readonly certificates: ClientCertificates,
  ) {}

  @Route('submitReading')
  async submit(@Req() request: HttpMessageRequest, @Res() reply: Reply): Promise<void> {
    const body = literalBody(request, Submission, SUBMISSION_BYTES);
    const { meter_id: meterId, meter_signature: signature } = body;
    const submitted: SubmittedReading = {
      wallet: body.wallet_address,
      kwhLiteral: body.kwh_amount,
      timestamp: body.reading_timestamp,
      ...(typeof meterId === 'string' ? { meterId } : {}),
      ...(typeof signature === 'string' ? { signature } : {}),
    };
    const certified = this.certificates.keyOf(request, this.gateway.clock.nowMs());
    const sender = inboundMessage(request, certified);
    const answer = await this.gateway.submissions.submit(submitted, sender, callerOf(request));
    if (answer.kind !== 'item') throw problemOfAnswer(answer);
    const { item, reading } = answer;
    this.metrics.readings([item]);
    if (item.verdict === 'rejected' || reading === undefined) throw problemOfItem(item);
    const { leaf_hash, verdict, duplicate, receipt } = item;
    const [shown] = await this.shown([reading]);
    sendJson(reply, { ...shown, verdict, leaf_hash, duplicate, receipt }, statusOfItem(item));
  }

  @Route('listReadings')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = ownerOf(request, query);
    const meterId = text(query, 'meter_id');
    const fromMs = instantMs(query, 'from');
    const toMs = instantMs(query, 'to');
    const minted = oneOf(query, 'minted', ['true', 'false']);
    await this.answerList(request, query, reply, {
      order: 'newest',
      ...(accountId === undefined ? {} : { accountId }),
      ...(meterId === undefined ? {} : { meterId }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
      ...(minted === undefined ? {} : { only: minted === 'true' ? 'minted' : 'unminted' }),
    });
  }

  @Route('meterStats')
  async stats(
    @Req() request: object,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { readingList, energy } = this.gateway.store;
    const accountId = ownerOf(request, query);
    const counts = await readingList.counts(accountId);
    const totals = await energy.totals(accountId === undefined ? {} : { accountId });
    const own = totals.find((one) => one.class === 'energy');
    const { creditedUWh = 0n, claimedUWh = 0n, intervals = 0 } = own ?? {};
    sendJson(reply, {
      total_readings: counts.counted,
      quarantined_readings: counts.quarantined,
      total_kwh: kWhOf(creditedUWh),
      minted_kwh: kWhOf(counts.mintedUWh),
      claimed_kwh: kWhOf(claimedUWh),
      unminted_kwh: kWhOf(creditedUWh > claimedUWh ? creditedUWh - claimedUWh : 0n),
      intervals,
    });
  }

  @Route('listUnminted')
  async unminted(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.answerList(request, query, reply, { order: 'oldest', only: 'mintable' });
  }

  private async answerList(
    request: { readonly url: string },
    query: QueryValues,
    reply: Reply,
    wanted: Omit<ReadingQuery, 'limit'>,
  ): Promise<void> {
    const sorted = sorting(query);
    // A cursor goes by arrival.
    const numbered = numberedPage(query, sorted.sortBy !== undefined);
    const { items, cursor } = await this.gateway.store.readingList.list({
      ...wanted,
      ...sorted,
      ...(numbered === undefined
        ? pageQuery(query)
        : { limit: numbered.limit, skip: numbered.skip }),
      bytesOf: [SUBMITTED_FORMAT],
    });
    const next =
      cursor === undefined || numbered === undefined
        ? nextLink(request.url, cursor)
        : nextPageLink(request.url, numbered.page);
    sendJson(reply, await this.shown(items), 200, next);
  }

  /** With the user of each wallet, where they act for the reading's account: others are nobody's business. */
  private async shown(readings: readonly ListedReading[]): Promise<readonly object[]> {
    const wallets = new Set(readings.flatMap(({ bytes }) => walletOfMessage(bytes) ?? []));
    const users = new Map<string, Awaited<ReturnType<Gateway['users']['ofAddress']>>>();
    for (const wallet of wallets) users.set(wallet, await this.gateway.users.ofAddress(wallet));
    return readings.map((reading) => {
      const user = users.get(walletOfMessage(reading.bytes) ?? '');
      const isTheirs = user?.accounts.includes(reading.accountId) === true;
      return readingDocument(reading, isTheirs ? user.id : null);
    });
  }
}

const SORT_FIELDS = {
  submitted_at: undefined,
  reading_timestamp: 'ends',
  kwh_amount: 'energy',
} as const;

/** `sort_by` and `sort_order`, as GridTokenX has them; without them the list keeps its own order. */
function sorting(query: QueryValues): Pick<ReadingQuery, 'sortBy'> & Partial<ReadingQuery> {
  const by = oneOf(query, 'sort_by', ['submitted_at', 'reading_timestamp', 'kwh_amount']);
  const order = oneOf(query, 'sort_order', ['asc', 'desc']);
  const sortBy = by === undefined ? undefined : SORT_FIELDS[by];
  return {
    ...(sortBy === undefined ? {} : { sortBy }),
    ...(order === undefined && by === undefined
      ? {}
      : { order: order === 'asc' ? 'oldest' : 'newest' }),
  };
}

/** Whose readings are asked for; undefined: everybody's. Who sees one account only gets that, whatever they ask for. */
function ownerOf(request: object, query: QueryValues): string | undefined {
  const owner = text(query, 'owner', 256);
  if (owner === 'me') return callerOf(request)?.accountId;
  return visibleAccount(request) ?? owner;
}
