/** Models, who serves them, what they cost. */
export * from './model.js';
