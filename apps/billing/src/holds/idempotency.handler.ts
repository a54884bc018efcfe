import { Controller, Inject } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  GatewayError,
  idempotencyFetchRequest,
  idempotencyFetchSubject,
  idempotencyStoreRequest,
  idempotencyStoreSubject,
  maxStoredAnswerBytes,
} from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { LOGGER, Serves } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { AnswerRoom } from './answer-room.js';
import { ledgerUnavailable } from './ledger-unavailable.js';

interface AnswerRow {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** No larger than a window, so that it is never split. */
const pieceBytes = 16 * 1024;

/** Keeps the answers of requests with an Idempotency-Key, and gives them again. */
@Controller()
export class IdempotencyHandler {
  private readonly room = new AnswerRoom((organizationId) => this.storedBytes(organizationId));

  constructor(
    private readonly dataSource: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Serves(idempotencyStoreSubject)
  async store(call: IncomingCall): Promise<void> {
    const head = idempotencyStoreRequest.safeParse(call.head);
    if (!head.success) throw new GatewayError('bad_request', 'An answer to store needs the name of its key.');
    const { organizationId, endpoint, key, requestId, answer } = head.data;
    const { length } = call.body;
    const isKept = answer !== null && length <= maxStoredAnswerBytes && (await this.room.take(organizationId, length));
    const kept = isKept ? answer : null;
    await this.query(
      `update idempotency_keys set state = $5, status = $6, headers = $7, body = $8
       where organization_id = $1 and endpoint = $2 and key = $3 and request_id = $4 and state = 'running'`,
      [
        ...[organizationId, endpoint, key, requestId],
        ...(kept === null
          ? ['too_large', null, null, null]
          : ['stored', kept.status, JSON.stringify(kept.headers), Buffer.from(call.body)]),
      ],
    );
    call.sendHead({ status: 200, headers: {} });
    call.end();
  }

  @Serves(idempotencyFetchSubject)
  async fetch(call: IncomingCall): Promise<void> {
    const head = idempotencyFetchRequest.safeParse(call.head);
    if (!head.success) throw new GatewayError('bad_request', 'A stored answer is fetched by the name of its key.');
    const [row] = await this.query<AnswerRow>(
      `select status, headers, body from idempotency_keys
       where organization_id = $1 and endpoint = $2 and key = $3 and state = 'stored'
         and created_at > now() - interval '24 hours'`,
      [head.data.organizationId, head.data.endpoint, head.data.key],
    );
    if (!row) {
      const message =
        'The answer to this Idempotency-Key is not kept any more. Use a new key to run the request again.';
      throw new GatewayError('idempotency_result_not_stored', message);
    }
    call.sendHead({ status: row.status, headers: row.headers });
    for (let at = 0; at < row.body.length && !call.signal.aborted; at += pieceBytes) {
      if (!call.write(row.body.subarray(at, at + pieceBytes))) await call.writable();
    }
    call.end();
  }

  private async storedBytes(organizationId: string): Promise<number> {
    const [row] = await this.query<{ bytes: string }>(
      `select coalesce(sum(size), 0) as bytes from idempotency_keys where organization_id = $1 and state = 'stored'`,
      [organizationId],
    );
    return Number(row?.bytes ?? 0);
  }

  private async query<Row>(sql: string, parameters: readonly unknown[]): Promise<Row[]> {
    try {
      return await this.dataSource.query<Row[]>(sql, [...parameters]);
    } catch (error) {
      this.logger.error({ reason: (error as Error).message }, 'an answer could not be stored or fetched');
      throw ledgerUnavailable(error);
    }
  }
}
