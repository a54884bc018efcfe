import { KeysAndUsage1767225600000 } from './1767225600000-keys-and-usage.migration.js';

/** In order; one line each. A migration that was released is never changed. */
export const migrations = [KeysAndUsage1767225600000];
