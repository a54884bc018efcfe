import type { Provider } from '@nestjs/common';
import { DeadLetterJob } from './dead-letter.job.js';
import { DeadLetterRetry } from './dead-letter.retry.js';
import { UsageConsumer } from './usage.consumer.js';
import { UsageStore } from './usage.store.js';

/** Usage events become usage records and charges. */
export const usageProviders: Provider[] = [UsageStore, UsageConsumer, DeadLetterRetry, DeadLetterJob];
