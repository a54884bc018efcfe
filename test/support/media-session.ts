import { afterEach, beforeAll, expect } from '@jest/globals';
import OpenAI from 'openai';
import { CheckedAnswers } from './checked-answers.js';
import type { Target } from './sdk-target.js';

/** A gateway, and the secret that it signs links with. */
export interface MediaTarget extends Target {
  mediaSecret(): string;
}

/** The official package, every answer of which is held to OpenAI's schemas. */
export interface MediaSession {
  readonly client: OpenAI;
  readonly target: MediaTarget;
  /** Answers and events that were held to a schema so far. */
  readonly checked: number;
}

/** For one `describe`: its client, and after each of its tests the check of what the wire brought. */
export function openMediaSession(target: () => MediaTarget): MediaSession {
  const answers = new CheckedAnswers();
  let client: OpenAI | undefined;
  let checked = 0;
  beforeAll(() => {
    const { baseUrl, apiKey } = target();
    client = new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0, timeout: 60_000, fetch: answers.fetch });
  });
  afterEach(async () => {
    const found = await answers.check();
    checked += found.checked;
    expect(found.problems).toEqual([]);
  });
  return {
    get client() {
      if (!client) throw new Error('no test runs yet');
      return client;
    },
    get target() {
      return target();
    },
    get checked() {
      return checked;
    },
  };
}

/** What tests say; 50 characters, four seconds of the sandbox's speech. */
export const sentence = 'The river is wide. Who will cross it? Nobody will.';
export const sentenceSeconds = 4;
