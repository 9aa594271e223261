import { Controller, Inject } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import type { IngestItem } from '../../spi/index.js';
import { named } from './delivery.js';
import { MessageIntake, type SubmitAnswer } from './message-intake.js';
import { SUBMIT_LOGS, SUBMIT_READINGS } from './subjects.js';

/** `SubmitRequest` and `SubmitAnswer` of proto/wattproof/v1/ingest.proto. */
interface SubmitRequest {
  readonly payload: Uint8Array;
  readonly contentType?: string;
}
interface GrpcAnswer {
  readonly items?: readonly object[];
  readonly refused?: { readonly code: string; readonly detail: string };
  readonly retry?: { readonly code: string; readonly retryAfterMs: number };
}

interface GrpcMetadata {
  get(name: string): readonly (string | Uint8Array)[];
}

/** The service `wattproof.v1.Ingest`. A call is always answered, so nothing of it becomes a dead letter. */
@Controller()
export class GrpcController {
  constructor(@Inject(MessageIntake) private readonly intake: MessageIntake) {}

  @GrpcMethod('Ingest', 'SubmitReadings')
  readings(request: SubmitRequest, metadata: GrpcMetadata): Promise<GrpcAnswer> {
    return this.submit(SUBMIT_READINGS, request, metadata);
  }

  @GrpcMethod('Ingest', 'SubmitLog')
  log(request: SubmitRequest, metadata: GrpcMetadata): Promise<GrpcAnswer> {
    return this.submit(SUBMIT_LOGS, request, metadata);
  }

  private async submit(
    subject: string,
    { payload, contentType }: SubmitRequest,
    metadata: GrpcMetadata,
  ): Promise<GrpcAnswer> {
    const delivery = {
      source: `grpc ${subject}`,
      ...named([['x-api-key', metadata.get('x-api-key')]]),
      // proto3 has no absent string.
      ...(contentType === undefined || contentType === '' ? {} : { contentType }),
      answered: true,
    };
    const { answer } = await this.intake.take(subject, payload, delivery);
    return grpcAnswer(answer);
  }
}

function grpcAnswer(answer: SubmitAnswer): GrpcAnswer {
  if (answer.kind === 'refused') return { refused: answer };
  if (answer.kind === 'retry') return { retry: answer };
  return { items: answer.items.map(grpcItem) };
}

function grpcItem(item: IngestItem): object {
  const { id, leaf_hash, verdict, reason, detail, duplicate, receipt } = item;
  return {
    id: id ?? '',
    leafHash: leaf_hash ?? '',
    verdict,
    reason: reason ?? '',
    detail: detail ?? '',
    duplicate,
    receipt: receipt === null ? '' : JSON.stringify(receipt),
  };
}
