/** A model that the sandbox serves. */
export interface SandboxModel {
  readonly id: string;
  readonly description: string;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
}

/** A model that answers well. */
export interface ContentModel extends SandboxModel {
  /** Before the first byte, and between two chunks. */
  readonly delayMs: number;
  /** Spends hidden tokens before it answers. */
  readonly reasons: boolean;
}

/** Of `sandbox/chat` and of every fault. */
export const usualLimits = { contextTokens: 128_000, maxOutputTokens: 16_384 } as const;
export const usualDelayMs = 5;

/** Every model that answers well; one entry each. `docs/sandbox.md` holds the same table. */
export const contentModels: readonly ContentModel[] = [
  {
    id: 'sandbox/chat',
    description: 'answers in prose, one word at a time, 5 ms apart',
    ...usualLimits,
    delayMs: usualDelayMs,
    reasons: false,
  },
  {
    id: 'sandbox/fast',
    description:
      'the same answers without any delay, the whole stream in one write; a huge context for tests with large bodies',
    contextTokens: 16_000_000,
    maxOutputTokens: 16_384,
    delayMs: 0,
    reasons: false,
  },
  {
    id: 'sandbox/reasoning',
    description: 'the same answers after hidden reasoning, which `reasoning_effort` makes longer and usage reports',
    ...usualLimits,
    delayMs: usualDelayMs,
    reasons: true,
  },
];
