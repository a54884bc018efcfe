/** The bus: streaming calls, events, broadcasts, jobs. */
export * from './bus.js';
