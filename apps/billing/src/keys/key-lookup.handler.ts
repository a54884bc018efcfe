import { Controller, Inject } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  GatewayError,
  type KeyLookupReply,
  keyLookupRequest,
  keyLookupSubject,
  type RateLimitRule,
  type WirePrice,
} from '#libs/contracts';
import type { IncomingCall } from '#libs/messaging';
import { LOGGER, Serves } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import { KeyActivity } from './key-activity.js';

interface KeyRow {
  readonly id: string;
  readonly scope: 'inference' | 'admin';
  readonly operator: boolean;
  readonly organization_id: string;
  readonly project_id: string;
  readonly billing_mode: 'prepaid' | 'postpaid';
  readonly refusal: KeyLookupReply['refusal'];
  readonly models: string[] | null;
  readonly ip_allow_list: string[] | null;
  readonly expires_at: Date | null;
  readonly needs_hold: boolean;
  readonly limits: RateLimitRule[];
  readonly prices: Record<string, WirePrice>;
}

const noSuchKey: KeyLookupReply = { caller: null, policy: null, refusal: null };

/** Tells ingress whom a key speaks for. Ingress keeps the answer for a while, so this runs on its misses only. */
@Controller()
export class KeyLookupHandler {
  constructor(
    private readonly dataSource: DataSource,
    private readonly activity: KeyActivity,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  @Serves(keyLookupSubject)
  async lookUp(call: IncomingCall): Promise<void> {
    const request = keyLookupRequest.safeParse(call.head);
    if (!request.success) throw new GatewayError('bad_request', 'A key look-up needs the digest of a key.');
    call.accept();
    const row = await this.find(request.data.digest);
    if (row && row.refusal === null) this.activity.touch(row.id);
    call.sendHead({ status: 200, headers: {} });
    call.end(row ? replyOf(row) : noSuchKey);
  }

  private async find(digest: string): Promise<KeyRow | undefined> {
    try {
      const [row] = await this.dataSource.query<KeyRow[]>(`select * from look_up_key($1)`, [digest]);
      return row;
    } catch (error) {
      this.logger.error({ reason: (error as Error).message }, 'a key could not be looked up');
      throw new GatewayError(
        'ledger_unavailable',
        'Your API key could not be checked: the database does not answer. Nothing was charged; retry shortly.',
        { cause: error, retryAfterSeconds: 2 },
      );
    }
  }
}

function replyOf(row: KeyRow): KeyLookupReply {
  return {
    caller: {
      keyId: row.id,
      organizationId: row.organization_id,
      projectId: row.project_id,
      scope: row.scope,
      billingMode: row.billing_mode,
      operator: row.operator,
    },
    policy: {
      models: row.models,
      ipAllowList: row.ip_allow_list,
      expiresAt: row.expires_at?.getTime() ?? null,
      needsHold: row.needs_hold,
      limits: row.limits,
      prices: row.prices,
    },
    refusal: row.refusal,
  };
}
