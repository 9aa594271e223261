import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { beside, entryDocument } from '../../../gateway/documents/entry-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import { statusOfItem } from '../../../ingestion/verdict-codes.js';
import type { EntryLeaf } from '../../../logs/entry.store.js';
import { decodeJson } from '../../../verify/index.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { ClientCertificates } from '../client-certificates.js';
import { type HttpMessageRequest, inboundMessage } from '../inbound-message.js';
import { problemOfAnswer, problemOfItem } from '../ingest-problem.js';
import { Metrics } from '../metrics.js';
import { visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import {
  instantMs,
  nextLink,
  oneOf,
  pageQuery,
  type Query as QueryValues,
  text,
} from '../query.js';
import { JSON_CONTENT_TYPE, type Reply, send, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const decoder = new TextDecoder();

export const PROOF_CONTENT_TYPE = 'application/vnd.wattproof.proof+json';

@ApiController()
export class LogsController {
  constructor(
    @Inject(GATEWAY) private readonly gateway: Gateway,
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(ClientCertificates) private readonly certificates: ClientCertificates,
  ) {}

  @Route('createLog')
  async create(@Req() request: HttpMessageRequest, @Res() reply: Reply): Promise<void> {
    const certified = this.certificates.keyOf(request, this.gateway.clock.nowMs());
    const { contentType, bytes, ...sender } = inboundMessage(request, certified);
    if (contentType !== 'application/json') {
      throw new Problem(415, 'content_type_unknown', 'Content-Type must be application/json.');
    }
    const answer = await this.gateway.ingestion.acceptLog(decodeJson(bytes), sender);
    if (answer.kind !== 'item') throw problemOfAnswer(answer);
    const { item, document } = answer;
    this.metrics.readings([item]);
    if (item.verdict === 'rejected' || document === undefined) throw problemOfItem(item);
    const { id, leaf_hash, verdict, reason, duplicate, receipt } = item;
    // A duplicate may have been sealed long ago; a new one never is.
    const stored = duplicate && id !== null ? await this.gateway.store.entries.get(id) : undefined;
    const own = JSON.stringify({
      id,
      batch_id: stored?.batch?.id ?? null,
      leaf_hash,
      verdict,
      ...(reason === undefined ? {} : { reason }),
      duplicate,
      receipt,
    });
    const body = beside(decoder.decode(document.bytes), own);
    send(reply, statusOfItem(item), JSON_CONTENT_TYPE, body);
  }

  @Route('listLogs')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const meterId = text(query, 'meter_id');
    const fromMs = instantMs(query, 'from');
    const toMs = instantMs(query, 'to');
    const type = text(query, 'type', 64);
    const source = oneOf(query, 'source', ['external', 'system']);
    const accountId = visibleAccount(request);
    const { items, cursor } = await this.gateway.store.entries.list({
      ...pageQuery(query),
      ...(meterId === undefined ? {} : { meterId }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
      ...(type === undefined ? {} : { type }),
      ...(source === undefined ? {} : { source }),
      ...(accountId === undefined ? {} : { accountId }),
    });
    const body = `[${items.map(entryDocument).join(',')}]`;
    send(reply, 200, JSON_CONTENT_TYPE, body, nextLink(request.url, cursor));
  }

  @Route('getLog')
  async get(@Req() request: object, @Param('id') id: string, @Res() reply: Reply): Promise<void> {
    const entry = await this.visible(request, id, await this.gateway.store.entries.get(id));
    send(reply, 200, JSON_CONTENT_TYPE, entryDocument(entry));
  }

  @Route('getProof')
  async proof(
    @Req() request: object,
    @Param('id') id: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const { proofs } = this.gateway;
    const format = oneOf(query, 'format', ['seed', 'bundle', ...proofs.exportFormats]) ?? 'seed';
    const { entries } = this.gateway.store;
    if (format === 'seed') {
      const leaf = await this.visible(request, id, await entries.leaf(id));
      sendJson(reply, await proofs.seedProof(leaf));
      return;
    }
    if (format !== 'bundle') {
      const anchor = text(query, 'anchor');
      if (anchor === undefined)
        throw new Problem(
          400,
          'query_invalid',
          `format=${format} needs anchor=ID: whose evidence?`,
        );
      const leaf = await this.visible(request, id, await entries.leaf(id));
      const { bytes, mediaType, extension } = await proofs.exported(leaf, anchor, format);
      send(reply, 200, mediaType, bytes, {
        'content-disposition': `attachment; filename="${leaf.id}.${extension}"`,
      });
      return;
    }
    const entry = await this.visible(request, id, await entries.get(id));
    const bundle = await proofs.bundle(entry);
    send(reply, 200, PROOF_CONTENT_TYPE, bundle, {
      'content-disposition': `attachment; filename="${entry.id}.wattproof.json"`,
    });
  }

  @Route('getPreimage')
  async preimage(
    @Req() request: object,
    @Param('id') id: string,
    @Res() reply: Reply,
  ): Promise<void> {
    const entry = await this.visible(request, id, await this.gateway.store.entries.get(id));
    send(reply, 200, 'application/octet-stream', await this.gateway.proofs.preimage(entry));
  }

  /** Somebody else's entry is told like one that does not exist, erased or not. */
  private async visible<E extends EntryLeaf>(
    request: object,
    id: string,
    entry: E | undefined,
  ): Promise<E> {
    const account = visibleAccount(request);
    const whose = entry ?? (await this.gateway.erasures.erased(id));
    if (whose === undefined || (account !== undefined && whose.accountId !== account))
      throw notFound('log_not_found', 'Log not found');
    if (entry !== undefined) return entry;
    throw new Problem(
      410,
      'erased',
      'The content of this entry was erased. Its leaf is still in the log, and proofs of other entries rest on it.',
    );
  }
}
