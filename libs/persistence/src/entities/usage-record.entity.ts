import type { AttemptFinished, Usage, WirePrice } from '#libs/contracts';
import { Column, Entity, PrimaryColumn } from 'typeorm';
import { bigintColumn } from './column-types.js';

/** One upstream call that ended, and what it costs. Inserted once, never updated. */
@Entity('usage_records')
export class UsageRecord {
  /** `<request id>#<n>`: the reason why nothing is charged twice. */
  @PrimaryColumn({ name: 'attempt_id', type: 'text' })
  attemptId: string;

  @Column({ name: 'request_id', type: 'text' })
  requestId: string;

  @Column({ name: 'organization_id', type: 'text' })
  organizationId: string;

  @Column({ name: 'project_id', type: 'text' })
  projectId: string;

  @Column({ name: 'key_id', type: 'text' })
  keyId: string;

  @Column({ type: 'text' })
  witness: AttemptFinished['witness'];

  @Column({ type: 'text' })
  endpoint: string;

  @Column({ type: 'text' })
  model: string;

  @Column({ type: 'text' })
  provider: string;

  @Column({ name: 'upstream_model', type: 'text' })
  upstreamModel: string;

  @Column({ name: 'upstream_request_id', type: 'text', nullable: true })
  upstreamRequestId: string | null;

  @Column({ name: 'upstream_status', type: 'integer', nullable: true })
  upstreamStatus: number | null;

  @Column({ type: 'text' })
  outcome: AttemptFinished['outcome'];

  @Column({ name: 'content_delivered', type: 'boolean' })
  contentDelivered: boolean;

  @Column({ name: 'usage_source', type: 'text' })
  usageSource: AttemptFinished['usage_source'];

  @Column({ name: 'input_tokens', ...bigintColumn })
  inputTokens: bigint;

  @Column({ name: 'input_cached_tokens', ...bigintColumn })
  inputCachedTokens: bigint;

  @Column({ name: 'output_tokens', ...bigintColumn })
  outputTokens: bigint;

  @Column({ name: 'reasoning_tokens', ...bigintColumn })
  reasoningTokens: bigint;

  /** The units beside those above; null when there are none. */
  @Column({ name: 'further_usage', type: 'jsonb', nullable: true })
  furtherUsage: Usage | null;

  /** Units that were counted and are not charged; null when there are none. */
  @Column({ name: 'measured_usage', type: 'jsonb', nullable: true })
  measuredUsage: Usage | null;

  /** As it was at the call, nano-dollars per 1,000,000 units. */
  @Column({ type: 'jsonb' })
  price: WirePrice;

  /** What the customer paid. */
  @Column({ name: 'charge_nanos', ...bigintColumn })
  chargeNanos: bigint;

  /** Beyond hold, balance and overdraft: not part of the charge. The ledger decides, not whoever inserts. */
  @Column({ name: 'written_off_nanos', ...bigintColumn, insert: false, update: false })
  writtenOffNanos: bigint;

  /** Its hold had been voided or had expired before. */
  @Column({ type: 'boolean', insert: false, update: false })
  late: boolean;

  @Column({ name: 'started_at', type: 'timestamptz' })
  startedAt: Date;

  @Column({ name: 'first_byte_at', type: 'timestamptz', nullable: true })
  firstByteAt: Date | null;

  @Column({ name: 'finished_at', type: 'timestamptz' })
  finishedAt: Date;

  @Column({ name: 'trace_id', type: 'text', nullable: true })
  traceId: string | null;

  @Column({ name: 'recorded_at', type: 'timestamptz', insert: false, update: false })
  recordedAt: Date;
}
