import { Inject, Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  type AuthorizeItem,
  authorizeResult,
  type AuthorizeResult,
  type HoldChange,
  type PriceSnapshot,
} from '#libs/contracts';
import { LOGGER } from '#libs/runtime';
import type { Logger } from '#libs/telemetry';
import type { BillingEnvironment } from '../config.js';
import { BILLING_ENVIRONMENT } from '../tokens.js';
import { CommitLane } from './commit-lane.js';

/** An item with the prices it was let in at. */
export interface WantedHold {
  readonly item: AuthorizeItem;
  readonly snapshot: PriceSnapshot;
}

interface ResultRow {
  readonly index: number;
  readonly outcome: string;
  readonly scope: string | null;
}

/** Reserves and frees money in Postgres, many requests per commit; the rules are in `ledger_authorize` and its kin. */
@Injectable()
export class LedgerWriter {
  private readonly authorizations: CommitLane<WantedHold, AuthorizeResult>;
  private readonly changes: CommitLane<HoldChange, boolean>;
  private readonly lease: string;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(BILLING_ENVIRONMENT) environment: Pick<BillingEnvironment, 'MODAPI_HOLD_LEASE_SECONDS'>,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.lease = `${environment.MODAPI_HOLD_LEASE_SECONDS} seconds`;
    const onFailure = (error: unknown, count: number): void =>
      logger.error({ count, reason: (error as Error).message }, 'a batch of holds was not committed');
    this.authorizations = new CommitLane({ commit: (wanted) => this.commitHolds(wanted), onFailure });
    this.changes = new CommitLane({ commit: (items) => this.commitChanges(items), onFailure });
  }

  /** Rejects with a `GatewayError`. */
  authorize(wanted: WantedHold, deadlineMs: number): Promise<AuthorizeResult> {
    return this.authorizations.ask(wanted, deadlineMs);
  }

  /** False: refused. Rejects with a `GatewayError`. */
  change(change: HoldChange, deadlineMs: number): Promise<boolean> {
    return this.changes.ask(change, deadlineMs);
  }

  private async commitHolds(wanted: readonly WantedHold[]): Promise<AuthorizeResult[]> {
    const snapshots: Record<string, PriceSnapshot> = {};
    for (const { item, snapshot } of wanted) snapshots[item.priceSnapshotId] = snapshot;
    const items = wanted.map(({ item }, index) => ({
      index,
      request_id: item.requestId,
      organization_id: item.organizationId,
      project_id: item.projectId,
      key_id: item.keyId,
      endpoint: item.endpoint,
      model: item.model,
      hold_nanos: item.holdNanos,
      price_snapshot_id: item.priceSnapshotId,
      idempotency_key: item.idempotency?.key,
      fingerprint: item.idempotency?.fingerprint,
    }));
    const rows = await this.dataSource.query<ResultRow[]>('select * from ledger_authorize($1, $2, $3)', [
      JSON.stringify(items),
      JSON.stringify(snapshots),
      this.lease,
    ]);
    return inOrder(rows, wanted.length).map(({ outcome, scope }) =>
      authorizeResult.parse(scope === null ? { outcome } : { outcome, scope }),
    );
  }

  private async commitChanges(changes: readonly HoldChange[]): Promise<boolean[]> {
    const items = changes.map((change, index) => ({
      index,
      kind: change.kind,
      request_id: change.requestId,
      ...(change.kind === 'extend' && { step: change.step, nanos: change.nanos }),
      ...(change.kind === 'intent' && {
        attempt_id: change.attemptId,
        provider: change.provider,
        upstream_model: change.upstreamModel,
      }),
    }));
    const rows = await this.dataSource.query<{ index: number; granted: boolean }[]>(
      'select * from ledger_change_holds($1, $2)',
      [JSON.stringify(items), this.lease],
    );
    return inOrder(rows, changes.length).map(({ granted }) => granted);
  }
}

function inOrder<Row extends { readonly index: number }>(rows: readonly Row[], count: number): Row[] {
  if (rows.length !== count) throw new TypeError(`the ledger answered ${rows.length} of ${count} items`);
  return rows.toSorted((left, right) => left.index - right.index);
}
