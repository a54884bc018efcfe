import type { Endpoint } from '../endpoint.js';
import { chatCompletions } from './chat-completions.js';

export { chatCompletionRequest, chatCompletions, hasOversizeTool, maxToolBytes } from './chat-completions.js';

/** Every endpoint that is served; one line each. */
export const endpoints: readonly Endpoint[] = [chatCompletions];
