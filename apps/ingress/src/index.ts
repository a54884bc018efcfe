/** The public HTTP door of the gateway. */
export { ingressApp } from './ingress.app.js';
