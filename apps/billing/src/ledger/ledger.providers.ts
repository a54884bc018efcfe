import type { Provider } from '@nestjs/common';
import { Ledger } from './ledger.js';

/** Top-ups, refunds, terms. */
export const ledgerProviders: Provider[] = [Ledger];
