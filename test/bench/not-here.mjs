/** A system or tool that this machine lacks: a reason, no failure. */
export class NotHere extends Error {}
