/**
 * Postgres advisory locks, one number per job: jobs that share one starve each other. The numbers mean nothing; they
 * stay as they are, since versions run side by side during an update.
 */
export const advisoryLocks = {
  migration: 4_242_010_526,
  usageRollUp: 4_242_010_527,
  holdExpiry: 4_242_010_528,
} as const;
