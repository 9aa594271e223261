import { Inject, Param, Query, Req, Res } from '@nestjs/common';
import { z } from 'zod';
import { mayAccess } from '../../../accounts/access.js';
import { importDocument } from '../../../gateway/documents/import-document.js';
import type { Gateway } from '../../../gateway/gateway.js';
import {
  IMPORT_PRESETS,
  type ImportedFile,
  ImportError,
  type Importer,
  ImportMapping,
  type ImportPreset,
  TimeZone,
} from '../../../imports/index.js';
import { GATEWAY } from '../../tokens.js';
import { ApiController } from '../api-controller.decorator.js';
import { jsonBody } from '../body.js';
import { problemOfAnswer } from '../ingest-problem.js';
import { callerOf, visibleAccount } from '../principal.js';
import { notFound, Problem } from '../problem.js';
import { integer, nextLink, oneOf, pageQuery, type Query as QueryValues } from '../query.js';
import { bodyBytes, IMPORT_CONTENT_TYPES, type RequestWithBody } from '../raw-body.js';
import { type Reply, sendJson } from '../reply.js';
import { Route } from '../route.decorator.js';

const id = z.string().min(1).max(256);

/** Body of `POST /api/v1/imports`. */
const NewImport = z
  .strictObject({
    name: z.string().regex(/^[^\p{Cc}]{1,256}$/u, 'must have 1 to 256 characters without controls'),
    sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
    size_bytes: z.int().min(1),
    dry_run: z.boolean().default(false),
    attempt: z.int().min(1).max(1_000_000).default(1),
    mapping: ImportMapping.optional(),
    preset: z.string().max(64).optional(),
    site: id.optional(),
    meter: id.optional(),
    zone: TimeZone.optional(),
  })
  .refine(({ mapping, preset }) => (mapping === undefined) !== (preset === undefined), {
    message: 'either mapping or preset is needed',
  });

@ApiController()
export class ImportsController {
  constructor(@Inject(GATEWAY) private readonly gateway: Gateway) {}

  @Route('beginImport')
  async begin(@Req() request: RequestWithBody, @Res() reply: Reply): Promise<void> {
    const {
      name,
      sha256,
      size_bytes: sizeBytes,
      dry_run: dryRun,
      attempt,
      ...how
    } = jsonBody(request, NewImport);
    const mapping = how.mapping ?? presetMapping(how);
    const file = await this.gateway.imports.begin(
      { name, sha256, sizeBytes, mapping, dryRun, attempt },
      importerOf(request),
    );
    sendJson(reply, importDocument(file), file.counts.rows === 0 ? 201 : 200);
  }

  @Route('importRows')
  async take(
    @Req() request: RequestWithBody,
    @Param('id') importId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.visible(request, importId);
    const fromByte = integer(query, 'from_byte', { min: 0, max: Number.MAX_SAFE_INTEGER });
    const last = oneOf(query, 'last', ['true', 'false']) === 'true';
    const bytes = bodyBytes(request, IMPORT_CONTENT_TYPES);
    const taken = await this.gateway.imports.take(
      importId,
      { fromByte, bytes, last },
      importerOf(request),
    );
    if ('kind' in taken) throw problemOfAnswer(taken);
    sendJson(reply, importDocument(taken));
  }

  @Route('listImports')
  async list(
    @Req() request: { readonly url: string },
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    const accountId = visibleAccount(request);
    const { items, cursor } = await this.gateway.imports.list({
      ...pageQuery(query),
      ...(accountId === undefined ? {} : { accountId }),
    });
    sendJson(reply, items.map(importDocument), 200, nextLink(request.url, cursor));
  }

  @Route('getImport')
  async get(
    @Req() request: object,
    @Param('id') importId: string,
    @Res() reply: Reply,
  ): Promise<void> {
    sendJson(reply, importDocument(await this.visible(request, importId)));
  }

  @Route('listRefusedRows')
  async refused(
    @Req() request: { readonly url: string },
    @Param('id') importId: string,
    @Query() query: QueryValues,
    @Res() reply: Reply,
  ): Promise<void> {
    await this.visible(request, importId);
    const { items, cursor } = await this.gateway.imports.refused(importId, pageQuery(query));
    sendJson(reply, items, 200, nextLink(request.url, cursor));
  }

  private async visible(request: object, importId: string): Promise<ImportedFile> {
    const account = visibleAccount(request);
    const file = /^[0-9a-f]{32}$/.test(importId)
      ? await this.gateway.imports.get(importId)
      : undefined;
    if (file === undefined || (account !== undefined && file.accountId !== account))
      throw notFound('import_not_found', 'No import has this id');
    return file;
  }
}

function importerOf(request: object): Importer {
  const caller = callerOf(request);
  if (caller === undefined || caller.role === 'auditor')
    throw new Problem(403, 'reader_only', 'An auditor looks, and imports nothing.');
  const { accountId, id: by } = caller;
  return { accountId, by, everyAccount: mayAccess(caller, 'operator') };
}

function presetMapping(how: {
  readonly preset?: string | undefined;
  readonly site?: string | undefined;
  readonly meter?: string | undefined;
  readonly zone?: string | undefined;
}): ImportMapping {
  const { preset = '', site, meter, zone } = how;
  if (!Object.hasOwn(IMPORT_PRESETS, preset))
    throw new ImportError(
      'mapping_unknown',
      `there is no preset "${preset}"; there are ${Object.keys(IMPORT_PRESETS).join(', ')}`,
    );
  const { meters, time, ...rest } = IMPORT_PRESETS[preset as ImportPreset];
  return ImportMapping.parse({
    ...rest,
    time: { ...time, ...(zone === undefined ? {} : { zone }) },
    meters: meters.map((one) => ({
      ...one,
      ...(site === undefined ? {} : { site }),
      ...(meter === undefined ? {} : { id: meter }),
    })),
  });
}
