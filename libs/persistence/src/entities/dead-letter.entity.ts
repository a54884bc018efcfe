import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An event that could not be understood or stored: kept until it can be. */
@Entity('dead_letters')
export class DeadLetter {
  /** `dl_` + SHA-256 of subject and payload: the same event delivered twice is one letter. */
  @PrimaryColumn({ type: 'text' })
  id: string;

  @Column({ type: 'text' })
  subject: string;

  /** As it came. json, not jsonb: that one refuses `\u0000`, and a letter must always be storable. */
  @Column({ type: 'json' })
  payload: unknown;

  /** Why, for a person: paths and codes, no values. */
  @Column({ type: 'text' })
  reason: string;

  /** How often the bus had delivered it. */
  @Column({ type: 'integer' })
  deliveries: number;

  @Column({ name: 'created_at', type: 'timestamptz', insert: false, update: false })
  createdAt: Date;

  @Column({ name: 'tried_at', type: 'timestamptz', nullable: true })
  triedAt: Date | null;

  /** Set once its event is stored. */
  @Column({ name: 'resolved_at', type: 'timestamptz', nullable: true })
  resolvedAt: Date | null;
}
