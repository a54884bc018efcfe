import { adminApiKeyRoutes } from './admin-api-keys.js';
import { apiKeyRoutes } from './api-keys.js';
import { auditLogRoutes } from './audit-logs.js';
import { billingRoutes } from './billing.js';
import { budgetRoutes } from './budgets.js';
import { organizationsRoutes } from './organizations.js';
import { priceOverrideRoutes } from './price-overrides.js';
import { projectRoutes } from './projects.js';
import { rateLimitRoutes } from './rate-limits.js';
import { costsRoutes } from './costs.js';
import type { OrganizationRoute } from './route.js';
import { serviceAccountRoutes } from './service-accounts.js';
import { usageRoutes } from './usage.js';

export * from './admin-api-keys.js';
export * from './api-keys.js';
export * from './audit-logs.js';
export * from './billing.js';
export * from './budgets.js';
export * from './fields.js';
export * from './organizations.js';
export * from './paging.js';
export * from './price-overrides.js';
export * from './projects.js';
export * from './rate-limits.js';
export * from './route.js';
export * from './service-accounts.js';
export {
  costDimensions,
  costLimits,
  type CostsQuery,
  costsQuery,
  type CostsResult,
  costsRoutes,
  refundLineItem,
} from './costs.js';
export {
  type BucketWidth,
  bucketWidths,
  type ReportBucket,
  type ReportPage,
  type UsageDimension,
  type UsageKind,
  usageKinds,
  type UsageQuery,
  usageQueryOf,
  type UsageResult,
  usageRoutes,
} from './usage.js';

/** The management API: every operation, one line per noun. Ingress registers them, billing answers them. */
export const organizationRoutes: readonly OrganizationRoute[] = [
  ...projectRoutes,
  ...priceOverrideRoutes,
  ...organizationsRoutes,
  ...budgetRoutes,
  ...billingRoutes,
  ...auditLogRoutes,
  ...adminApiKeyRoutes,
  ...apiKeyRoutes,
  ...rateLimitRoutes,
  ...serviceAccountRoutes,
  ...costsRoutes,
  ...usageRoutes,
];
