import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { batchAnchoring } from '../../../anchoring/index.js';
import type { StoredBatch } from '../../../batching/batch.store.js';
import { anchorDocument } from '../../../gateway/documents/anchor-document.js';
import {
  anchoringDocument,
  batchDocument,
  batchEntryIds,
  IDS_PER_PAGE,
} from '../../../gateway/documents/batch-document.js';
import { commitmentSteps } from '../../../gateway/documents/commitment-steps.js';
import { entryDocument } from '../../../gateway/documents/entry-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { integer, nextLink, pageQuery, type Query as QueryValues } from '../query.js';
import { JSON_CONTENT_TYPE, type Reply, send, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

/** Batches in one list answer: each lists the ids of its entries. */
const BATCHES_PER_PAGE = 20;

interface PagedRequest {
  readonly url: string;
}

@ApiController()
export class BatchesController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('flush')
  async flush(@Res() reply: Reply): Promise<void> {
    const batch = await this.gateway.batcher.flush();
    if (batch === undefined) {
      throw new Problem(400, 'no_unbatched_logs', 'No unbatched logs available');
    }
    const { document } = await this.document(batch, 0);
    sendJson(reply, document);
  }

  @Route('listBatches')
  async list(
    @Req() request: PagedRequest,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const page = pageQuery(query);
    const { items, cursor } = await this.gateway.store.batches.list({
      ...page,
      limit: Math.min(page.limit, BATCHES_PER_PAGE),
    });
    const documents = [];
    for (const batch of items) documents.push((await this.document(batch, 0, request)).document);
    sendJson(reply, documents, 200, nextLink(request.url, cursor));
  }

  @Route('getBatch')
  async get(
    @Req() request: PagedRequest,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const batch = await this.batch(id);
    const { document, next } = await this.document(batch, fromIndex(query, batch), request);
    sendJson(reply, document, 200, nextLink(request.url, next));
  }

  @Route('exportBatch')
  async export(
    @Req() request: PagedRequest,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const batch = await this.batch(id);
    const from = fromIndex(query, batch);
    const account = visibleAccount(request);
    const { document, next } = await this.document(batch, from, request);
    const entries = await this.gateway.store.entries.inBatch(batch.number, {
      fromIndex: from,
      limit: IDS_PER_PAGE,
    });
    const logs = entries
      .filter(({ source }) => source === 'external')
      .filter(({ accountId }) => account === undefined || accountId === account);
    const steps = commitmentSteps(this.gateway.origin, batch);
    const body = `{"batch":${JSON.stringify(document)},"logs":[${logs.map(entryDocument).join(',')}],"commitment":${JSON.stringify(steps)}}`;
    send(reply, 200, JSON_CONTENT_TYPE, body, nextLink(request.url, next));
  }

  @Route('batchAnchors')
  async anchors(@Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const batch = await this.batch(id);
    const { anchoring, origin } = this.gateway;
    const statuses = await anchoring.status(sizeOf(batch));
    sendJson(reply, {
      batch_id: batch.id,
      anchoring: anchoringDocument(anchoring.rule, batchAnchoring(statuses, anchoring.rule)),
      commitment: commitmentSteps(origin, batch),
      anchors: statuses.map(anchorDocument),
    });
  }

  private async batch(id: string): Promise<StoredBatch> {
    const batch = await this.gateway.store.batches.get(id);
    if (batch === undefined) throw notFound('batch_not_found', 'Batch not found');
    return batch;
  }

  /** An owner sees the ids of their own entries; the counts and roots of a batch are everybody's. */
  private async document(
    batch: StoredBatch,
    from: number,
    request?: object,
  ): Promise<{ readonly document: object; readonly next?: string }> {
    const { batches, entries } = this.gateway.store;
    const page = { fromIndex: from, limit: IDS_PER_PAGE };
    const { nextIndex, ...ids } = await batchEntryIds(batches, batch, page);
    const account = request === undefined ? undefined : visibleAccount(request);
    let { external } = ids;
    if (account !== undefined) {
      const own = await entries.inBatch(batch.number, page);
      const visible = new Set(
        own.filter((entry) => entry.accountId === account).map(({ id }) => id),
      );
      external = external.filter((id) => visible.has(id));
    }
    const statuses = await this.gateway.anchoring.status(sizeOf(batch));
    const { rule } = this.gateway.anchoring;
    const document = batchDocument(batch, { ...ids, external }, statuses, rule);
    return nextIndex === undefined ? { document } : { document, next: String(nextIndex) };
  }
}

/** Size of the batch log that first covers the batch. */
function sizeOf(batch: StoredBatch): bigint {
  return BigInt(batch.number) + 1n;
}

function fromIndex(query: QueryValues, batch: StoredBatch): number {
  return integer(query, 'cursor', { min: 0, max: batch.count, default: 0 });
}
