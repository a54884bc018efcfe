import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who pays. */
@Entity('organizations')
export class Organization {
  /** `org_…` */
  @PrimaryColumn({ type: 'text' })
  id: string;

  @Column({ type: 'text' })
  name: string;

  @Column({ name: 'billing_mode', type: 'text' })
  billingMode: 'prepaid' | 'postpaid';

  @Column({ name: 'created_at', type: 'timestamptz', insert: false, update: false })
  createdAt: Date;

  /** Its keys are refused from then on. */
  @Column({ name: 'disabled_at', type: 'timestamptz', nullable: true })
  disabledAt: Date | null;
}
