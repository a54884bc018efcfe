import type { Provider } from '@nestjs/common';
import { CostsHandlers } from './costs.handlers.js';
import { UsageRollup } from './usage-rollup.js';
import { UsageRollupJob } from './usage-rollup.job.js';
import { UsageHandlers } from './usage.handlers.js';

/** Usage and costs, rolled up. */
export const reportsProviders: Provider[] = [UsageRollup, UsageRollupJob, UsageHandlers, CostsHandlers];
