/** Asking billing for money: holds before a call, more of it while it runs. */
export { HoldsClient, type HoldsOptions } from './holds-client.js';
